"""What all rooms share: configuration, the records that cross stages, keys, names, storage and the spool."""

from transforms.model import syntaxes

syntaxes.register()  # here, since every room and every worker imports this package before it reads a file
