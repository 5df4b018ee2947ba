"""`python -m cli`, as the program starts itself once more."""

from cli import main

main()
