"""`python -m ls_trajedit` is `ls-trajedit`."""

from ls_trajedit.cli import main

main()
