/* Names: each that is asked for gets an address of its own, by which its connections are known again. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* The name that has an address, and its length; NULL: none has, or none any more. */
const char *name_of_address(uint32_t address, size_t *length);

/* Answers the DNS questions that are here. */
void answer_questions(void);
