/* 1. prepare: the options of the command line. */
#pragma once

/* Does what the option at `at` asks for. Returns how many words that were; 0: it is none. */
int prepare_one(char **at);

/* Gives a descriptor the number that was wished for, or fails. */
void place(int fd, int wanted, const char *what);
