/* SPDX-License-Identifier: Apache-2.0
 *
 * echo_account JID PASSWORD HOST PORT CAFILE: a bare libstrophe client over TLS that answers every request with a result
 * and an empty readout: what an account costs at least with this library. Writes "ready" when it is logged in.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <strophe.h>
#include <sys/prctl.h>
#include <sys/socket.h>

static int on_iq(xmpp_conn_t *conn, xmpp_stanza_t *stanza, void *user)
{
  char text[2000];
  const char *type = xmpp_stanza_get_type(stanza), *id = xmpp_stanza_get_id(stanza),
             *from = xmpp_stanza_get_from(stanza);
  (void)user;
  if (type && id && from && *type == 'g') {
    int n = snprintf(text, sizeof text,
                     "<iq type='result' id='%s' to='%s'/><message to='%s'><fields xmlns='urn:xmpp:iot:sensordata' "
                     "seqnr='1' done='true'><node nodeId='x'/></fields></message>",
                     id, from, from);
    xmpp_send_raw(conn, text, (size_t)n);
  }
  return 1;
}

static int on_socket(xmpp_conn_t *conn, void *sock)
{
  (void)conn;
  setsockopt(*(int *)sock, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
  return 0;
}

static void on_conn(xmpp_conn_t *conn, xmpp_conn_event_t event, int error, xmpp_stream_error_t *stream, void *user)
{
  (void)error, (void)stream, (void)user;
  if (event != XMPP_CONN_CONNECT)
    exit(1);
  xmpp_handler_add(conn, on_iq, NULL, "iq", NULL, NULL);
  xmpp_send_raw(conn, "<presence/>", 11);
  puts("ready");
  fflush(stdout);
}

int main(int argc, char **argv)
{
  if (argc != 6)
    return 64;
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  xmpp_initialize();
  xmpp_ctx_t *ctx = xmpp_ctx_new(NULL, NULL);
  xmpp_conn_t *conn = xmpp_conn_new(ctx);
  xmpp_conn_set_flags(conn, XMPP_CONN_FLAG_MANDATORY_TLS | XMPP_CONN_FLAG_DISABLE_SM);
  xmpp_conn_set_jid(conn, argv[1]);
  xmpp_conn_set_pass(conn, argv[2]);
  xmpp_conn_set_cafile(conn, argv[5]);
  xmpp_conn_set_sockopt_callback(conn, on_socket);
  if (xmpp_connect_client(conn, argv[3], (unsigned short)atoi(argv[4]), on_conn, NULL) != XMPP_EOK)
    return 1;
  for (;;)
    xmpp_run_once(ctx, 1);
}
