"""A disposable library to try the program on; ``samples`` says what should come of it."""
