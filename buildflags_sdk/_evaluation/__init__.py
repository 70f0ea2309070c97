"""Pure evaluation: a flag's entry and an evaluation context in, a decision out. No I/O, clock, thread, log or global."""
