"""`python -m iml_tui` is `iml-lab`."""

from iml_tui.cli import main

main()
