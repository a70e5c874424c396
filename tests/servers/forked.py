"""Runs of dicom-deid that begin at once: each line of standard input has the words of one and the environment it adds to ours.

Each is a fork of this process, which has imported all that a run imports. Prints the process id, then, when it has ended, its exit code.
"""

import json
import os
import sys

from pipeline.main import main

for line in sys.stdin:
    asked = json.loads(line)
    if (process := os.fork()) == 0:
        os.environ.update(asked["environment"])
        log = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os._exit(main(asked["words"]))
    print(process, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)
