/* A network namespace in which every address is delivered locally, so that who connects anywhere comes to our sockets. */
#pragma once

/* Brings the loopback up. Returns its index, or 0 and errno. */
unsigned loopback_up(void);

/* `ip route add local default dev lo`, for AF_INET or AF_INET6. Returns 0 when it was not done; then errno says why if the kernel did. */
int route_all_locally(unsigned char family, unsigned device);
