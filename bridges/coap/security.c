/* SPDX-License-Identifier: Apache-2.0
 * DTLS: keys, certificates and their names. */
#include "security.h"

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#define SYSTEM_CA   "/etc/ssl/certs"
#define CHAIN_DEPTH 5

static bool is_address(const char *text)
{
  struct in6_addr v6;
  struct in_addr v4;
  return inet_pton(AF_INET6, text, &v6) == 1 || inet_pton(AF_INET, text, &v4) == 1;
}

/* libcoap passes one name of a certificate only; all of them count (RFC 6125), as OpenSSL reads them. */
static int on_certificate(const char *cn TT_UNUSED, const uint8_t *der, size_t n, coap_session_t *session TT_UNUSED,
                          unsigned depth, int is_valid, void *user)
{
  struct cb_guard *guard = user;
  if (depth > 0 || !is_valid)
    return is_valid;
  X509 *certificate = d2i_X509(NULL, &der, (long)n);
  int matches = !certificate              ? 0
                : is_address(guard->name) ? X509_check_ip_asc(certificate, guard->name, 0)
                                          : X509_check_host(certificate, guard->name, strlen(guard->name), 0, NULL);
  X509_free(certificate);
  if (matches != 1)
    snprintf(guard->why, sizeof guard->why, "the certificate is not one for %.100s", guard->name);
  return matches == 1;
}

static coap_session_t *open_pki(coap_context_t *context, const coap_address_t *address,
                                const struct cb_security *security, struct cb_guard *guard)
{
  coap_dtls_pki_t pki = {
      .version = COAP_DTLS_PKI_SETUP_VERSION,
      .verify_peer_cert = 1,
      .check_common_ca = 1, /* no self-signed certificate passes because nothing else is known */
      .cert_chain_validation = 1,
      .cert_chain_verify_depth = CHAIN_DEPTH,
      .validate_cn_call_back = on_certificate,
      .cn_call_back_arg = guard,
      .client_sni = is_address(guard->name) ? NULL : guard->name,
      .pki_key = {.key_type = COAP_PKI_KEY_PEM,
                  .key.pem = {.ca_file = security->ca,
                              .public_cert = security->cert,
                              .private_key = security->key ? security->key : security->cert}},
  };
  if (!security->ca)
    coap_context_set_pki_root_cas(context, NULL, SYSTEM_CA);
  return coap_new_client_session_pki(context, NULL, address, COAP_PROTO_DTLS, &pki);
}

static coap_session_t *open_psk(coap_context_t *context, const coap_address_t *address,
                                const struct cb_security *security, struct cb_guard *guard)
{
  uint8_t key[CB_PSK_MAX];
  size_t n = cb_psk_bytes(security, key);
  coap_dtls_cpsk_t psk = {
      .version = COAP_DTLS_CPSK_SETUP_VERSION,
      .client_sni = is_address(guard->name) ? NULL : guard->name,
      .psk_info = {.identity = {strlen(security->psk_identity), (const uint8_t *)security->psk_identity},
                   .key = {n, key}},
  };
  coap_session_t *session = n ? coap_new_client_session_psk2(context, NULL, address, COAP_PROTO_DTLS, &psk) : NULL;
  explicit_bzero(key, sizeof key);
  return session;
}

coap_session_t *cb_session_open(coap_context_t *context, const struct cb_base *base,
                                const struct sockaddr_in6 *address, const struct cb_security *security,
                                struct cb_guard *guard, char *why)
{
  coap_address_t to;
  coap_session_t *session;
  coap_address_init(&to);
  if (address->sin6_family == AF_INET)
    memcpy(&to.addr.sin, address, to.size = sizeof to.addr.sin);
  else
    memcpy(&to.addr.sin6, address, to.size = sizeof to.addr.sin6);
  errno = 0;
  if (base->is_dtls) {
    *guard = (struct cb_guard){0};
    snprintf(guard->name, sizeof guard->name, "%s", security->name ? security->name : base->host);
    session = security->psk ? open_psk(context, &to, security, guard) : open_pki(context, &to, security, guard);
  } else {
    session = coap_new_client_session(context, NULL, &to, COAP_PROTO_UDP);
  }
  if (!session)
    snprintf(why, CB_SECURITY_WHY_SIZE, "no session can be opened: %s",
             errno ? strerror(errno) : "see keys and files");
  return session;
}

void cb_session_why(coap_session_t *session, const struct cb_security *security, struct cb_guard *guard, char *why)
{
  coap_tls_library_t library;
  SSL *ssl = coap_session_get_tls(session, &library);
  long verified =
      ssl && library == COAP_TLS_LIBRARY_OPENSSL && !security->psk ? SSL_get_verify_result(ssl) : X509_V_OK;
  if (*guard->why)
    snprintf(why, CB_SECURITY_WHY_SIZE, "%s", guard->why);
  else if (verified != X509_V_OK)
    snprintf(why, CB_SECURITY_WHY_SIZE, "the certificate is refused: %s", X509_verify_cert_error_string(verified));
  else
    snprintf(why, CB_SECURITY_WHY_SIZE, "the DTLS handshake failed");
}
