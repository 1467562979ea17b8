/* SPDX-License-Identifier: Apache-2.0
 *
 * link.c: the thread that calls libupnp, and the callback that the library calls.
 */
/* First: a header of theirs defines bool, and takes it away again. */
#include <upnp/upnp.h>
#include <upnp/upnptools.h>

#include "link.h"

#include "common/clock.h"
#include "location.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>
#include <utlist.h>

#define RETRY_MIN_MS    250u
#define RETRY_MAX_MS    4000u
#define CUT_AGAIN_US    (250 * TT_USEC_PER_MSEC)
#define DESCRIPTORS_MAX 1024  /* the library waits with select(): it has none beyond */
#define INTERFACE_MS    5000u /* how long to wait for a sign that there is an interface again, before looking */

enum order_kind { ORDER_SUBSCRIBE, ORDER_RENEW, ORDER_UNSUBSCRIBE };

struct order {
  struct order *prev, *next;
  enum order_kind kind;
  bool is_doubtful;
  uint64_t ticket;
  char text[UP_URL_MAX]; /* URL or SID */
};

struct up_link {
  struct tt_bridge *bridge;
  char interface[IF_NAMESIZE];
  uint16_t port;
  int subscribe_s;
  uint64_t timeout_us;
  tt_post_fn on_event, on_sighting;
  pthread_t thread;
  /* Under the gate: */
  struct order *orders;
  size_t n_orders;
  unsigned n_subscribes;    /* under way */
  struct sockaddr_in asked; /* whom for it */
  uint64_t cut_us;          /* and until when */
  bool is_cut;
  unsigned n_sightings; /* posted and not yet heard */
  bool is_stopping, is_finished, is_abandoned, has_changed;
};

/* The one library, and the gate that all threads pass: what is behind it is touched by nobody else. */
static struct {
  pthread_mutex_t gate;
  pthread_cond_t changed;
  struct up_link *owner; /* whose the library is */
} library = {.gate = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void lock(void)
{
  pthread_mutex_lock(&library.gate);
}

static void unlock(void)
{
  pthread_mutex_unlock(&library.gate);
}

int up_net_of(const char *interface, struct up_net *ret_net)
{
  struct ifaddrs *all;
  int r = -ENODEV;
  if (getifaddrs(&all) < 0)
    return -errno;
  for (const struct ifaddrs *one = all; one; one = one->ifa_next) {
    if (strcmp(one->ifa_name, interface) != 0)
      continue;
    r = r == 0 ? 0 : -EADDRNOTAVAIL;
    if (r == 0 || !one->ifa_addr || one->ifa_addr->sa_family != AF_INET || !one->ifa_netmask ||
        !(one->ifa_flags & IFF_UP))
      continue;
    struct sockaddr_in address, mask;
    memcpy(&address, one->ifa_addr, sizeof address);
    memcpy(&mask, one->ifa_netmask, sizeof mask);
    *ret_net = (struct up_net){ntohl(address.sin_addr.s_addr), ntohl(mask.sin_addr.s_addr)};
    r = 0;
  }
  freeifaddrs(all);
  return r;
}

/* ---- A port for events -------------------------------------------------------------------------------------------- */
/* Does somebody listen at it? What else may be wrong is the library's to say. */
static bool is_taken(int family, const struct sockaddr *address, socklen_t size)
{
  int on = 1, fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return false;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on); /* as the library: what lingers is in nobody's way */
  if (family == AF_INET6)
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  bool is = bind(fd, address, size) < 0 && errno == EADDRINUSE;
  close(fd);
  return is;
}

/* The library takes its first port or none; its second socket is for IPv6, for all interfaces. 0: all are taken. */
uint16_t up_port_of(const struct up_net *net)
{
  for (unsigned port = UP_PORT_FIRST; port < UP_PORT_FIRST + UP_PORTS_TRIED; port++) {
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    four.sin_addr.s_addr = htonl(net->address);
    if (!is_taken(AF_INET, (struct sockaddr *)&four, sizeof four) &&
        !is_taken(AF_INET6, (struct sockaddr *)&six, sizeof six))
      return (uint16_t)port;
  }
  return 0;
}

/* ---- Up: from any thread to the loop -------------------------------------------------------------------------- */
/* Under the gate. */
static void post_event(struct up_link *link, enum tt_lane lane, const struct up_link_event *event, const char *xml)
{
  if (link->is_abandoned)
    return;
  if (!xml) {
    tt_post(link->bridge, lane, NULL, 0, link->on_event, event, sizeof *event);
    return;
  }
  size_t size = sizeof *event + event->xml_size;
  char *message = malloc(size);
  if (!message)
    return; /* a gap in the sequence tells */
  memcpy(message, event, sizeof *event);
  memcpy(message + sizeof *event, xml, event->xml_size);
  tt_post(link->bridge, lane, NULL, 0, link->on_event, message, size);
  free(message);
}

static void tell(struct up_link *link, const struct up_link_event *event)
{
  lock();
  post_event(link, TT_LANE_CONTROL, event, NULL);
  unlock();
}

static void tell_down(struct up_link *link, const char *format, ...) TT_PRINTF(2, 3);
static void tell_down(struct up_link *link, const char *format, ...)
{
  struct up_link_event event = {.kind = UP_LINK_DOWN};
  va_list ap;
  va_start(ap, format);
  vsnprintf(event.text, sizeof event.text, format, ap);
  va_end(ap);
  tell(link, &event);
}

static void copy(char *out, size_t size, const char *text)
{
  snprintf(out, size, "%s", text && strlen(text) < size ? text : "");
}

static void on_discovery(struct up_link *link, const UpnpDiscovery *d, bool is_alive)
{
  struct up_sighting sighting = {.is_alive = is_alive, .max_age_s = UpnpDiscovery_get_Expires(d)};
  const struct sockaddr_storage *from = UpnpDiscovery_get_DestAddr(d);
  const char *device_type = UpnpDiscovery_get_DeviceType_cstr(d),
             *service_type = UpnpDiscovery_get_ServiceType_cstr(d);
  if (from->ss_family != AF_INET) /* every device has IPv4 as well */
    return;
  if (link->n_sightings >= UP_SIGHTINGS_MAX) /* a storm must leave room for events */
    return;
  struct sockaddr_in address;
  memcpy(&address, from, sizeof address);
  sighting.sender = ntohl(address.sin_addr.s_addr);
  copy(sighting.udn, sizeof sighting.udn, UpnpDiscovery_get_DeviceID_cstr(d));
  copy(sighting.type, sizeof sighting.type, *service_type ? service_type : device_type);
  copy(sighting.location, sizeof sighting.location, UpnpDiscovery_get_Location_cstr(d));
  if (tt_post(link->bridge, TT_LANE_REPORT, NULL, 0, link->on_sighting, &sighting, sizeof sighting) == 0)
    link->n_sightings++;
}

static void on_notify(struct up_link *link, const UpnpEvent *e)
{
  struct up_link_event event = {.kind = UP_LINK_EVENT, .sequence = UpnpEvent_get_EventKey(e)};
  copy(event.sid, sizeof event.sid, UpnpEvent_get_SID_cstr(e));
  char *xml = ixmlDocumenttoString(UpnpEvent_get_ChangedVariables(e));
  size_t n = xml ? strlen(xml) : 0;
  event.xml_size = n <= UP_XML_SIZE_MAX ? (uint32_t)n : 0;
  post_event(link, TT_LANE_REPORT, &event, xml ? xml : "");
  ixmlFreeDOMString(xml);
}

static void on_lost(struct up_link *link, const UpnpEventSubscribe *s)
{
  struct up_link_event event = {.kind = UP_LINK_LOST, .error = UpnpEventSubscribe_get_ErrCode(s)};
  copy(event.sid, sizeof event.sid, UpnpEventSubscribe_get_SID_cstr(s));
  post_event(link, TT_LANE_CONTROL, &event, NULL);
}

/* By the library's threads. Under the gate the owner cannot go. */
static int on_upnp(Upnp_EventType type, const void *data, void *cookie)
{
  (void)cookie;
  lock();
  struct up_link *link = library.owner;
  if (link && !link->is_stopping) {
    switch (type) {
    case UPNP_DISCOVERY_ADVERTISEMENT_ALIVE:
    case UPNP_DISCOVERY_ADVERTISEMENT_BYEBYE:
      on_discovery(link, data, type != UPNP_DISCOVERY_ADVERTISEMENT_BYEBYE);
      break;
    case UPNP_EVENT_RECEIVED:
      on_notify(link, data);
      break;
    case UPNP_EVENT_AUTORENEWAL_FAILED:
    case UPNP_EVENT_SUBSCRIPTION_EXPIRED:
      on_lost(link, data);
      break;
    case UPNP_EVENT_RENEWAL_COMPLETE:
      if (UpnpEventSubscribe_get_ErrCode(data) != UPNP_E_SUCCESS)
        on_lost(link, data);
      break;
    case UPNP_DISCOVERY_SEARCH_RESULT:
    case UPNP_DISCOVERY_SEARCH_TIMEOUT:
    case UPNP_CONTROL_ACTION_REQUEST:
    case UPNP_CONTROL_ACTION_COMPLETE:
    case UPNP_CONTROL_GET_VAR_REQUEST:
    case UPNP_CONTROL_GET_VAR_COMPLETE:
    case UPNP_EVENT_SUBSCRIPTION_REQUEST:
    case UPNP_EVENT_SUBSCRIBE_COMPLETE:
    case UPNP_EVENT_UNSUBSCRIBE_COMPLETE:
      break;
    }
  }
  unlock();
  return 0;
}

/* The end of one order to subscribe; the cookie is its ticket. */
static int on_subscribed(Upnp_EventType type, const void *data, void *cookie)
{
  const UpnpEventSubscribe *s = data;
  if (type != UPNP_EVENT_SUBSCRIBE_COMPLETE)
    return on_upnp(type, data, NULL);
  lock();
  struct up_link *link = library.owner;
  if (link) {
    struct up_link_event event = {.kind = UP_LINK_SUBSCRIBED, .ticket = (uint64_t)(uintptr_t)cookie};
    int seconds = UpnpEventSubscribe_get_TimeOut(s);
    event.error = UpnpEventSubscribe_get_ErrCode(s);
    copy(event.sid, sizeof event.sid, UpnpEventSubscribe_get_SID_cstr(s));
    if (event.error == UPNP_E_SUCCESS && seconds >= 0 && seconds < UP_SUBSCRIBE_MIN_S)
      event.error = UPNP_E_BAD_RESPONSE;
    event.has_answered = !link->is_cut && (event.error == UPNP_E_SUCCESS || event.error == UPNP_E_BAD_RESPONSE ||
                                           event.error == UPNP_E_SUBSCRIBE_UNACCEPTED);
    link->n_subscribes -= link->n_subscribes > 0;
    if (!link->is_stopping)
      post_event(link, TT_LANE_CONTROL, &event, NULL);
    pthread_cond_broadcast(&library.changed);
  }
  unlock();
  return 0;
}

/* ---- The thread ----------------------------------------------------------------------------------------------- */
/* Under the gate: until somebody signals, or so long. */
static void wait_ms(unsigned ms)
{
  struct timespec end;
  clock_gettime(CLOCK_REALTIME, &end);
  end.tv_sec += ms / 1000;
  end.tv_nsec += (long)(ms % 1000) * 1000000;
  if (end.tv_nsec >= 1000000000) {
    end.tv_sec++;
    end.tv_nsec -= 1000000000;
  }
  pthread_cond_timedwait(&library.changed, &library.gate, &end);
}

static bool wait_for_a_change(struct up_link *link, unsigned ms)
{
  lock();
  if (!link->is_stopping && !link->has_changed)
    wait_ms(ms);
  link->has_changed = false;
  bool is_stopping = link->is_stopping;
  unlock();
  return is_stopping;
}

/* Under the gate: hangs up for the library, which would wait for 30 s and keep all others waiting. Its sockets are told
 * from ours, and from those of the other bridges, by whom they lead to and by being open to programs that are executed. */
static void cut(struct up_link *link)
{
  int n = (int)sysconf(_SC_OPEN_MAX);
  for (int fd = 0; fd < n && fd < DESCRIPTORS_MAX; fd++) {
    struct sockaddr_in peer;
    socklen_t size = sizeof peer;
    int flags = fcntl(fd, F_GETFD), copy = flags == 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
    if (copy < 0)
      continue;
    if (getpeername(copy, (struct sockaddr *)&peer, &size) == 0 && peer.sin_family == AF_INET &&
        peer.sin_addr.s_addr == link->asked.sin_addr.s_addr && peer.sin_port == link->asked.sin_port) {
      shutdown(copy, SHUT_RDWR);
      link->is_cut = true;
    }
    close(copy);
  }
}

/* Under the gate: waits for something to do, but not for ever for an answer. */
static void wait_or_cut(struct up_link *link)
{
  uint64_t now = tt_clock_us();
  if (link->n_subscribes == 0) {
    pthread_cond_wait(&library.changed, &library.gate);
  } else if (now < link->cut_us) {
    wait_ms((unsigned)((link->cut_us - now) / TT_USEC_PER_MSEC) + 1);
  } else {
    cut(link);
    link->cut_us = now + CUT_AGAIN_US; /* it may not have connected yet */
  }
}

static void subscribe_failed(struct up_link *link, const struct order *order, int error)
{
  lock();
  link->n_subscribes -= link->n_subscribes > 0;
  unlock();
  tell(link, &(struct up_link_event){.kind = UP_LINK_SUBSCRIBED, .ticket = order->ticket, .error = error});
}

static void ask_until(struct up_link *link, const char *url)
{
  uint32_t address = 0;
  uint16_t port = 0;
  up_url_address(url, &address, &port);
  lock();
  link->asked = (struct sockaddr_in){.sin_port = htons(port), .sin_addr = {.s_addr = htonl(address)}};
  link->cut_us = tt_clock_us() + link->timeout_us;
  link->is_cut = false;
  unlock();
}

static void obey(struct up_link *link, UpnpClient_Handle handle, struct order *order)
{
  int r = UPNP_E_SUCCESS;
  void *cookie = (void *)(uintptr_t)order->ticket;
  switch (order->kind) {
  case ORDER_SUBSCRIBE:
    ask_until(link, order->text);
    r = UpnpSubscribeAsync(handle, order->text, link->subscribe_s, on_subscribed, cookie);
    if (r != UPNP_E_SUCCESS)
      subscribe_failed(link, order, r);
    break;
  case ORDER_RENEW:
    UpnpRenewSubscriptionAsync(handle, link->subscribe_s, order->text, on_upnp, NULL);
    break;
  case ORDER_UNSUBSCRIBE:
    UpnpUnSubscribeAsync(handle, order->text, on_upnp, NULL);
    break;
  }
}

/* Under the gate. */
static bool can_begin(const struct up_link *link, const struct order *order, bool is_doubtful)
{
  return order->kind != ORDER_SUBSCRIBE ||
         (link->n_subscribes < UP_SUBSCRIBES_MAX && order->is_doubtful == is_doubtful);
}

/* Under the gate: the next that can be done now. */
static struct order *take_order(struct up_link *link)
{
  struct order *order = NULL;
  for (int is_doubtful = 0; is_doubtful < 2 && !order; is_doubtful++)
    DL_FOREACH(link->orders, order) {
      if (can_begin(link, order, is_doubtful))
        break;
    }
  if (order) {
    DL_DELETE(link->orders, order);
    link->n_orders--;
    link->n_subscribes += order->kind == ORDER_SUBSCRIBE;
  }
  return order;
}

/* Under the gate. */
static void drop_orders(struct up_link *link)
{
  struct order *order, *next;
  DL_FOREACH_SAFE(link->orders, order, next)
  {
    free(order);
  }
  link->orders = NULL;
  link->n_orders = link->n_subscribes = 0;
}

/* While the library runs on this net. */
static void serve(struct up_link *link, UpnpClient_Handle handle, const struct up_net *net)
{
  for (;;) {
    struct order *order = NULL;
    bool has_changed;
    lock();
    while (!link->is_stopping && !link->has_changed && !(order = take_order(link)))
      wait_or_cut(link);
    has_changed = link->has_changed;
    link->has_changed = false;
    bool is_stopping = link->is_stopping;
    unlock();
    struct up_net now;
    if (order)
      obey(link, handle, order);
    free(order);
    if (is_stopping || (has_changed && (up_net_of(link->interface, &now) < 0 || now.address != net->address ||
                                        now.mask != net->mask)))
      return;
  }
}

/* One life of the library. False: it did not begin. */
static bool run_library(struct up_link *link, const struct up_net *net)
{
  UpnpClient_Handle handle;
  uint16_t port = link->port ? link->port : up_port_of(net);
  int r = UpnpInit2(link->interface, port);
  if (r == UPNP_E_SUCCESS) {
    UpnpSetMaxContentLength(UP_XML_SIZE_MAX);
    UpnpEnableWebserver(0); /* nothing but events is served */
    r = UpnpRegisterClient(on_upnp, NULL, &handle);
  }
  if (r != UPNP_E_SUCCESS) {
    UpnpFinish();
    if (r == UPNP_E_SOCKET_BIND)
      tell_down(link, "UPnP cannot be started on %s yet: its address is new, or TCP port %u is taken",
                link->interface, port);
    else
      tell_down(link, "UPnP cannot be started on %s yet: %s (%d)", link->interface, UpnpGetErrorMessage(r), r);
    return false;
  }
  tell(link, &(struct up_link_event){.kind = UP_LINK_UP, .net = *net});
  serve(link, handle, net);
  lock();
  if (link->n_subscribes > 0)
    cut(link); /* its end waits for that of all that it does */
  drop_orders(link);
  bool is_stopping = link->is_stopping;
  unlock();
  if (!is_stopping)
    tell_down(link, "the address of %s has changed", link->interface);
  UpnpFinish();
  return true;
}

static bool take_library(struct up_link *link)
{
  lock();
  bool is_ours = !library.owner || library.owner == link;
  if (is_ours)
    library.owner = link;
  unlock();
  return is_ours;
}

static void give_library(struct up_link *link)
{
  lock();
  if (library.owner == link)
    library.owner = NULL;
  pthread_cond_broadcast(&library.changed);
  unlock();
}

static void *run(void *user)
{
  struct up_link *link = user;
  unsigned retry_ms = RETRY_MIN_MS;
  for (bool is_stopping = false; !is_stopping;) {
    struct up_net net;
    unsigned wait = 0;
    int r = up_net_of(link->interface, &net);
    if (r < 0) {
      tell_down(link, r == -ENODEV ? "there is no interface %s" : "the interface %s has no IPv4 address",
                link->interface);
      wait = INTERFACE_MS;
    } else if (!take_library(link)) {
      tell_down(link, "another UPnP connection runs in this process, and there can be one: "
                      "give each its own process (isolate: true)");
      wait = RETRY_MAX_MS;
    } else if (run_library(link, &net)) {
      retry_ms = RETRY_MIN_MS;
    } else {
      wait = retry_ms;
      retry_ms = 2 * retry_ms < RETRY_MAX_MS ? 2 * retry_ms : RETRY_MAX_MS;
    }
    give_library(link);
    is_stopping = wait_for_a_change(link, wait);
  }
  lock();
  drop_orders(link);
  link->is_finished = true;
  bool is_abandoned = link->is_abandoned;
  post_event(link, TT_LANE_CONTROL, &(struct up_link_event){.kind = UP_LINK_STOPPED}, NULL);
  unlock();
  if (is_abandoned)
    free(link);
  return NULL;
}

/* ---- Life ----------------------------------------------------------------------------------------------------- */
int up_link_create(struct tt_bridge *bridge, const struct up_connection *options, tt_post_fn on_event,
                   tt_post_fn on_sighting, struct up_link **ret_link)
{
  struct up_link *link = calloc(1, sizeof *link);
  if (!link)
    return -ENOMEM;
  link->bridge = bridge;
  snprintf(link->interface, sizeof link->interface, "%s", options->interface);
  link->port = (uint16_t)options->port;
  link->timeout_us = options->timeout_us;
  link->subscribe_s = (int)(options->subscribe_us / TT_USEC_PER_SEC);
  link->on_event = on_event;
  link->on_sighting = on_sighting;
  sigset_t all, before;
  sigfillset(&all); /* signals are the loop's; the library's threads inherit it */
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int r = pthread_create(&link->thread, NULL, run, link);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (r != 0) {
    free(link);
    return -r;
  }
  *ret_link = link;
  return 0;
}

void up_link_stop(struct up_link *link)
{
  lock();
  link->is_stopping = true;
  pthread_cond_broadcast(&library.changed);
  unlock();
}

bool up_link_abandon(struct up_link *link)
{
  lock();
  bool is_abandoned = !link->is_finished;
  link->is_abandoned = is_abandoned;
  if (is_abandoned)
    pthread_detach(link->thread);
  unlock();
  return is_abandoned;
}

void up_link_destroy(struct up_link *link)
{
  if (!link)
    return;
  pthread_join(link->thread, NULL); /* its last act was to say that it has finished */
  free(link);
}

void up_link_look(struct up_link *link)
{
  lock();
  link->has_changed = true;
  pthread_cond_broadcast(&library.changed);
  unlock();
}

void up_link_heard(struct up_link *link)
{
  lock();
  link->n_sightings -= link->n_sightings > 0;
  unlock();
}

/* ---- Orders --------------------------------------------------------------------------------------------------- */
static int order(struct up_link *link, enum order_kind kind, const char *text, uint64_t ticket, bool is_doubtful)
{
  struct order *one = calloc(1, sizeof *one);
  int r = one ? 0 : -ENOMEM;
  if (!one)
    return r;
  one->kind = kind;
  one->ticket = ticket;
  one->is_doubtful = is_doubtful;
  snprintf(one->text, sizeof one->text, "%s", text);
  lock();
  if (link->n_orders < UP_ORDERS_MAX) {
    DL_APPEND(link->orders, one);
    link->n_orders++;
    one = NULL;
    pthread_cond_broadcast(&library.changed);
  } else {
    r = -ENOBUFS;
  }
  unlock();
  free(one);
  return r;
}

int up_link_subscribe(struct up_link *link, const char *url, uint64_t ticket, bool is_doubtful)
{
  return order(link, ORDER_SUBSCRIBE, url, ticket, is_doubtful);
}

int up_link_renew(struct up_link *link, const char *sid)
{
  return order(link, ORDER_RENEW, sid, 0, false);
}

int up_link_unsubscribe(struct up_link *link, const char *sid)
{
  return order(link, ORDER_UNSUBSCRIBE, sid, 0, false);
}
