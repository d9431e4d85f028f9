from sigmaraw.cli import main

main()
