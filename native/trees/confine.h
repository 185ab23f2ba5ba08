/* Confinement. */
#pragma once

/*
 * Rights over files, and no others. An ordinary user gets them in a user namespace, over files of its own alone: the code in a sandbox
 * may well have taken its owner's right to read a file.
 */
void confine(int jail);
