/* Preloaded into Orthanc, which listens on every interface whatever its settings: bind() to none in particular means loopback. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netinet/in.h>
#include <string.h>

int bind(int handle, const struct sockaddr *address, socklen_t length)
{
  int (*real)(int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "bind");
  struct sockaddr_storage changed;
  memset(&changed, 0, sizeof changed);
  memcpy(&changed, address, length < sizeof changed ? length : sizeof changed);
  if (changed.ss_family == AF_INET && ((struct sockaddr_in *)&changed)->sin_addr.s_addr == htonl(INADDR_ANY))
    ((struct sockaddr_in *)&changed)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (changed.ss_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&((struct sockaddr_in6 *)&changed)->sin6_addr))
    ((struct sockaddr_in6 *)&changed)->sin6_addr = in6addr_loopback;
  return real(handle, (struct sockaddr *)&changed, length);
}
