// TLS 1.3 only: see tls_policy.h.
#include "certs/tls_policy.h"

#include <openssl/conf.h>
#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "certs/openssl.h"
#include "proto/contract/error.h"

namespace tripoint::certs {
namespace {

// `MinProtocol` would be overwritten by gRPC; a set of protocols is not.
constexpr char kPolicy[] =
    "tripoint = root\n"
    "[root]\n"
    "ssl_conf = contexts\n"
    "[contexts]\n"
    "system_default = policy\n"
    "[policy]\n"
    "Protocol = -ALL,TLSv1.3\n"
    "Options = -SessionTicket\n"
    "NumTickets = 0\n";

absl::Status NotInForce(std::string why) {
  return contract::Error(
      absl::StatusCode::kFailedPrecondition, contract::Reason::kConfigInvalid,
      "TLS 1.3 could not be enforced", std::move(why),
      "Use the OpenSSL 3.0 library of Debian 12; the node does not start without this");
}

}  // namespace

absl::Status RequireTls13() {
  // First without the system's file, so that it is not loaded later, on the first use by somebody
  // else, over ours.
  OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
  const BioPtr text = ReadBio(kPolicy);
  const ConfPtr conf(NCONF_new(nullptr));
  long line = 0;
  if (conf == nullptr || NCONF_load_bio(conf.get(), text.get(), &line) != 1)
    return NotInForce(TakeOpensslError());
  OPENSSL_load_builtin_modules();
  if (CONF_modules_load(conf.get(), "tripoint", 0) != 1) return NotInForce(TakeOpensslError());
  return CheckTls13();
}

absl::Status CheckTls13() {
  const std::unique_ptr<SSL_CTX, Freer<SSL_CTX_free>> context(SSL_CTX_new(TLS_method()));
  if (context == nullptr) return NotInForce(TakeOpensslError());
  constexpr std::uint64_t kNeeded =
      SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1 | SSL_OP_NO_TLSv1_2 | SSL_OP_NO_TICKET;
  if ((SSL_CTX_get_options(context.get()) & kNeeded) != kNeeded) {
    return NotInForce("A new TLS context would still speak an older version or resume sessions");
  }
  if (SSL_CTX_get_num_tickets(context.get()) != 0)
    return NotInForce("A new TLS context would issue session tickets");
  return absl::OkStatus();
}

}  // namespace tripoint::certs
