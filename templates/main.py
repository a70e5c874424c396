"""What the Flex Template's launcher runs; everything else is in the installed packages."""

from pipeline.main import main

raise SystemExit(main())
