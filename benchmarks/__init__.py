"""What the program takes, measured from outside; `make bench` prints it."""
