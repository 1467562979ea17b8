/* SPDX-License-Identifier: Apache-2.0
 *
 * client.h: the other end of the control socket (api/api.h). What goes wrong is said on stderr here, once.
 */
#pragma once

#include "cli.h"

#include <json-c/json.h>

struct tt_client;

/* Connects and hears the greeting. `path` NULL: $THINGTREE_SOCKET, else the default. TT_EXIT_OK;
 * TT_EXIT_NO_DAEMON, TT_EXIT_PARTLY (refused) after a message. */
int tt_client_open(const char *path, bool is_json, struct tt_client **ret);
void tt_client_close(struct tt_client *client);
/* Takes the request over; adds the language of the environment. TT_EXIT_OK or, after a message, another. */
int tt_client_ask(struct tt_client *client, json_object *request);
/* The next line. 0 with the line, which the caller puts back; -EINTR after SIGINT or SIGTERM (once
 * tt_client_catch_signals() was called); -ECONNRESET after a message: the daemon has gone. */
int tt_client_next(struct tt_client *client, json_object **ret);
void tt_client_catch_signals(void);

/* A request and its answer: `each` is called with every line but an error; the last one has "done".
 * TT_EXIT_OK; TT_EXIT_PARTLY after printing the error; TT_EXIT_NO_DAEMON. */
int tt_client_run(struct tt_client *client, json_object *request, void (*each)(void *user, json_object *line),
                  void *user);
/* "thingtree: there is no node "plgu"; did you mean "plug"?"; with is_json the line itself too, on stdout. */
void tt_client_print_error(const struct tt_client *client, json_object *line);

/* ---- Members of a line; what is absent or of another type reads as "", 0, false, NULL -------------------------- */
const char *tt_member_text(json_object *line, const char *member);
int64_t tt_member_number(json_object *line, const char *member);
bool tt_member_flag(json_object *line, const char *member);
json_object *tt_member(json_object *line, const char *member);
json_object *tt_member_list(json_object *line, const char *member); /* an array, or NULL */
size_t tt_list_size(json_object *list);                             /* 0 for NULL */
/* One line of JSON on stdout, without what belongs to the conversation alone: "id", "done". */
void tt_print_json(json_object *line);
