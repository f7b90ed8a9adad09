// A TLS client without gRPC: see raw_tls_client.h.
#include "raw_tls_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace tripoint::certs {
namespace {

int CountTicket(SSL* ssl, SSL_SESSION* /*session*/) {
  ++*static_cast<int*>(SSL_get_app_data(ssl));
  return 0;
}

int Dial(int port) {
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval limit{.tv_sec = 5, .tv_usec = 0};
  setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0)
    return descriptor;
  close(descriptor);
  return -1;
}

}  // namespace

RawResult ConnectRaw(int port, int version_max, const TestPair* pair) {
  RawResult result;
  const std::unique_ptr<SSL_CTX, Freer<SSL_CTX_free>> context(SSL_CTX_new(TLS_client_method()));
  // This process's own policy is lifted for this one context: the server must be the one that
  // refuses.
  SSL_CTX_clear_options(context.get(), SSL_OP_NO_TLSv1_2 | SSL_OP_NO_TLSv1_1 | SSL_OP_NO_TICKET);
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_max_proto_version(context.get(), version_max);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_CLIENT);
  SSL_CTX_sess_set_new_cb(context.get(), &CountTicket);
  if (pair != nullptr) {
    const std::vector<X509Ptr> leaf = ReadCertificates(pair->certificate_pem, 1);
    SSL_CTX_use_certificate(context.get(), leaf.front().get());
    SSL_CTX_use_PrivateKey(context.get(), ReadPrivateKey(pair->key_pem).get());
  }
  const std::unique_ptr<SSL, Freer<SSL_free>> ssl(SSL_new(context.get()));
  SSL_set_app_data(ssl.get(), &result.tickets);
  constexpr unsigned char kHttp2[] = {2, 'h', '2'};
  SSL_set_alpn_protos(ssl.get(), kHttp2, sizeof(kHttp2));
  const int descriptor = Dial(port);
  SSL_set_fd(ssl.get(), descriptor);
  ERR_clear_error();
  // In TLS 1.3 a client learns only from the first read whether its certificate was accepted.
  char data[64];
  if (SSL_connect(ssl.get()) == 1 && SSL_read(ssl.get(), data, sizeof(data)) > 0) {
    result.connected = true;
  } else {
    result.error = TakeOpensslError();
  }
  result.version = SSL_get_version(ssl.get());
  close(descriptor);
  return result;
}

}  // namespace tripoint::certs
