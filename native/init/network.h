/* The network: as a supervisor's, every address is delivered locally, to the sockets made here. */
#pragma once

/* Brings the loopback up; with `network` makes the agent's sockets, too. */
void make_network(int network);

/* The host is who connects: user code may make no such socket, and the machine reaches no other by them. */
int listen_to_host(const char *port);
