"""`python -m cli` is `gridcast`."""

from cli.main import main

main()
