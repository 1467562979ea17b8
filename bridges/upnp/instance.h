/* SPDX-License-Identifier: Apache-2.0
 *
 * instance.h: one connection and its devices. Inner header of the bridge; everything runs on the loop thread.
 *
 *   link.c     libupnp: announcements and events come in, subscriptions go out
 *   ssdp.c     searches and their answers
 *   find.c     which announced device is which configured one, and whether it is still there
 *   learn.c    its descriptions, fetched
 *   bind.c     its services and the points
 *   events.c   subscriptions, and values out of events
 *   calls.c    requests: actions called one after the other per device
 *   commands.c what those that were commands have answered
 *   discover.c what is there, for `thingtree discover`
 *   upnp.c     the table of the bridge, requests' ends, the one timer
 */
#pragma once

#include "common/fetch.h"
#include "description.h"
#include "event.h"
#include "link.h"
#include "options.h"
#include "scpd.h"
#include "ssdp.h"

#include <systemd/sd-event.h>

#define UP_SEARCH_MIN_US        (2 * TT_USEC_PER_SEC) /* between two searches for a device that is not there, at first */
#define UP_SEARCH_MAX_US        (300 * TT_USEC_PER_SEC) /* and in the end */
#define UP_LEARN_MIN_US         (1 * TT_USEC_PER_SEC)   /* likewise between two attempts to learn what it is */
#define UP_LEARN_MAX_US         (60 * TT_USEC_PER_SEC)
#define UP_PATIENCE_US          (6 * TT_USEC_PER_SEC) /* so long after it was lost a read waits for a device */
#define UP_CHECK_US             (10 * TT_USEC_PER_SEC) /* a device is not checked more often, whatever is announced */
#define UP_FAILURES_MAX         2                      /* requests without an answer, until it is checked */
#define UP_STOP_US              (1500 * TT_USEC_PER_MSEC) /* the host waits 2 s */
#define UP_CONNECTIONS          64
#define UP_CONNECTIONS_PER_HOST 8
#define UP_LEARNING_MAX         16 /* devices whose descriptions are fetched at once */
#define UP_SILENCE_MAX_US                                                                                          \
  (900 * TT_USEC_PER_SEC) /* between two attempts to subscribe where nobody answered, in the end */
#define UP_STASH_MAX 16   /* events that come before their subscription is known */
#define UP_NONE      SIZE_MAX

enum up_phase {
  UP_ABSENT,   /* nobody knows where it is */
  UP_LEARNING, /* its descriptions are being fetched */
  UP_READY,
};

/* What reads one or several points: one call of one action. */
struct up_read_call {
  const struct up_call *options;
  size_t service;     /* index in the description; UP_NONE: see `why` */
  const char *action; /* of the options */
  char *body, *why;   /* composed once; why there is none */
};

/* How a point is reached in the device as it has described itself. */
struct up_binding {
  size_t call;    /* in calls; UP_NONE: none */
  size_t service; /* of its event; UP_NONE */
  char *last;     /* what the event said last */
};

enum up_subscription_state { UP_SUB_NONE, UP_SUB_PENDING, UP_SUB_LIVE };
struct up_subscription {
  enum up_subscription_state state;
  uint64_t ticket;
  char sid[UP_SID_MAX];
  int sequence;      /* last one; -1: none yet */
  uint64_t again_us; /* refused: not before then */
};

struct up_job; /* calls.c */

struct up_device {
  struct up_device *prev, *next;
  struct up_instance *instance;
  struct tt_device *device;
  const struct tt_device_config *config;
  const struct up_device_options *options;
  enum up_phase phase;
  char udn[UP_UDN_MAX + 1], location[UP_URL_MAX]; /* of the one found; empty: none */
  char host[UP_HOST_TEXT];
  uint64_t lost_us; /* since when it is not ready */
  uint64_t due_us;  /* when to do something by itself */
  uint64_t search_wait_us, learn_wait_us, checked_us, renewed_us;
  bool is_sought, is_waiting; /* is_waiting: to be learnt */
  unsigned failures;
  unsigned silences; /* subscriptions one after the other that were not answered; kept while it comes and goes */
  uint64_t subscribe_us; /* none before then */
  bool is_told_withheld; /* that something it describes is not offered */
  bool is_told_refused;  /* that it takes no subscription */
  struct up_description *description;
  const struct up_part *part;
  struct up_scpd *scpds[UP_TREE_SERVICES_MAX];
  struct up_subscription subscriptions[UP_TREE_SERVICES_MAX];
  struct tt_fetch_job *learning, *checking; /* at most one each */
  size_t learn_at;                          /* the service whose description is being fetched */
  struct up_binding *bindings;              /* config->n_points */
  struct up_read_call *calls;
  size_t n_calls;
  struct up_job *jobs;
};

struct up_request {
  struct up_request *prev, *next;
  tt_id id;
  struct up_device *device;
  uint64_t deadline_us, due_us;
  bool is_write, is_decided, is_parked; /* is_write: a write or a command */
  const struct tt_command *command;     /* NULL: it is none */
  int error;                            /* when decided */
  char text[400];
  size_t n_jobs; /* calls that must still be made */
  unsigned n_answered, n_failed;
  size_t n;
  uint16_t points[];
};

/* What stands for the holes of a call. */
struct up_given {
  const struct tt_value *value;     /* ${value}; NULL: there is none */
  const struct tt_command *command; /* ${argument:NAME}; NULL: there are none */
  const struct tt_value *arguments; /* one per argument of the command */
};

struct up_discovery;

struct up_instance {
  struct tt_bridge *bridge;
  const struct up_connection *options;
  struct up_link *link;
  struct tt_fetch *fetch;
  struct up_table *table;
  struct up_searcher *searcher; /* while the link is up */
  sd_event_source *timer, *watch, *stop_timer;
  bool is_up, is_tried, is_stopping, is_told_full; /* is_tried: the link has said something */
  struct up_net net;
  char why_down[UP_LINK_TEXT];
  uint64_t expire_us; /* when to look through the table */
  uint64_t learn_us;  /* when to look for the next to be learnt; TT_NEVER */
  uint64_t search_us; /* when to search for those that are sought; TT_NEVER */
  uint64_t tickets;   /* given out */
  struct up_device *devices;
  struct up_request *requests;
  struct {
    void *data; /* a whole message of the link */
    size_t size;
  } stash[UP_STASH_MAX];
  size_t stash_at;
  struct up_discovery *discovery;
  unsigned long n_refused; /* announcements against the rule */
};

uint64_t up_now(const struct up_instance *u);
void up_arm(struct up_instance *u);

/* upnp.c */
/* Ends a request; not from within the call that brought it. */
void up_request_finish(struct up_request *request, int error, const char *text);
/* Ends it in the next turn. */
void up_request_decide(struct up_request *request, int error, const char *format, ...) TT_PRINTF(3, 4);
/* Ends those of a device. */
void up_requests_fail(struct up_instance *u, const struct up_device *device, int error, const char *text);

/* find.c */
void up_find_sighting(struct up_instance *u, const struct up_sighting *sighting);
void up_find_begin(struct up_device *d); /* a device is new, or has no place any more */
void up_find_due(struct up_device *d);   /* its due_us has come */
void up_find_expire(struct up_instance *u);
void up_find_search(struct up_instance *u);
void up_find_send(struct up_instance *u, const char *target);
void up_find_link(struct up_instance *u, bool is_up); /* the library runs, or not */
void up_find_let_go(struct up_device *d);
void up_find_doubt(struct up_device *d); /* it did not answer: is it still there? */
void up_find_lost(struct up_device *d, const char *format, ...) TT_PRINTF(2, 3);
bool up_find_is_hopeless(const struct up_device *d); /* a read need not wait for it */
/* GET of a description, with its limits. */
int up_fetch_description(struct up_instance *u, const char *url,
                         void (*done)(void *, const struct tt_fetch_answer *), void *user,
                         struct tt_fetch_job **ret_job);

/* learn.c */
void up_learn(struct up_device *d); /* from d->location; begins in the next turn, or when there is room */
void up_learn_next(struct up_instance *u);
void up_learn_failed(struct up_device *d, const char *format, ...) TT_PRINTF(2, 3);
void up_forget(struct up_device *d); /* all that was learnt */

/* bind.c */
int up_bind(struct up_device *d); /* -ENOMEM */
void up_unbind(struct up_device *d);
/* The texts of a call in the order of the wire, checked; the body is appended. `given` NULL: it only reads. -EINVAL, ... with the reason. */
int up_compose(struct up_device *d, const struct up_call *call, size_t service, const struct up_given *given,
               struct tt_buf *out, char why[static UP_WHY_SIZE]);
size_t up_service_of(const struct up_device *d, const char *name); /* UP_NONE */

/* events.c */
void up_subscribe_next(struct up_device *d);
void up_unsubscribe_all(struct up_device *d, bool is_told);
void up_renew_all(struct up_device *d);
bool up_all_live(const struct up_device *d);
void up_on_subscribed(struct up_instance *u, const struct up_link_event *event);
void up_on_lost(struct up_instance *u, const struct up_link_event *event);
void up_on_event(struct up_instance *u, const void *message, size_t size);
void up_stash_clear(struct up_instance *u);

/* calls.c */
void up_calls_read(struct up_request *request);
/* A write, or a command: once. */
void up_calls_do(struct up_request *request, const struct up_call *call, const struct up_given *given);
void up_calls_refresh(struct up_device *d);                                /* read by itself what no event tells */
void up_calls_drop(struct up_device *d, const struct up_request *request); /* NULL: all */
void up_report_text(struct up_device *d, uint16_t point, const struct up_variable *variable, const char *text,
                    const char *source);

/* commands.c: reports what it has answered, and says it for people. */
#define UP_SAID_SIZE 412
void up_command_answered(struct up_device *d, size_t service, const char *action, const xmlNode *response,
                         char out[static UP_SAID_SIZE]);

/* discover.c */
void up_discover(struct tt_bridge *bridge, tt_id request, uint64_t deadline_us);
uint64_t up_discovery_due(const struct up_instance *u);
void up_discovery_step(struct up_instance *u);
void up_discovery_cancel(struct up_instance *u);
