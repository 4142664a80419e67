"""`python -m chuanliu.cli`: the command line where the program is not on the path."""

from chuanliu.cli import main

main()
