/* SPDX-License-Identifier: Apache-2.0
 *
 * tls_certificate.h: a certificate that is its own authority, made for one test.
 */
#pragma once

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "cmocka_all.h"

static void tls_certificate(SSL_CTX *ctx, const char *name, long valid_s, const char *pem_path)
{
  EVP_PKEY *key = EVP_EC_gen("P-256");
  X509 *x = X509_new();
  X509V3_CTX v3;
  char san[128];
  snprintf(san, sizeof(san), "DNS:%s", name);
  X509_set_version(x, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
  X509_gmtime_adj(X509_getm_notBefore(x), -7200);
  X509_gmtime_adj(X509_getm_notAfter(x), valid_s);
  X509_set_pubkey(x, key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
  X509_set_issuer_name(x, X509_get_subject_name(x));
  X509V3_set_ctx_nodb(&v3);
  X509V3_set_ctx(&v3, x, x, NULL, NULL, 0);
  const struct {
    int nid;
    const char *value;
  } rows[] = {{NID_basic_constraints, "critical,CA:TRUE"}, {NID_subject_alt_name, san}};
  for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &v3, rows[i].nid, rows[i].value);
    X509_add_ext(x, extension, -1);
    X509_EXTENSION_free(extension);
  }
  assert_true(X509_sign(x, key, EVP_sha256()) > 0);
  assert_int_equal(SSL_CTX_use_certificate(ctx, x), 1);
  assert_int_equal(SSL_CTX_use_PrivateKey(ctx, key), 1);
  FILE *file = pem_path ? fopen(pem_path, "w") : NULL;
  if (file) {
    PEM_write_X509(file, x);
    fclose(file);
  }
  X509_free(x);
  EVP_PKEY_free(key);
}
