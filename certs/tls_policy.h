// TLS 1.3 only, without session tickets, for everything in this process.
//
// Called first thing in main() of tripointd, tripoint and of tests, before any gRPC object exists;
// one thread. gRPC 1.51 has no setting for it, and the system's own configuration must not decide
// it (platform.md T5, T6, T14).
#pragma once

#include "absl/status/status.h"

namespace tripoint::certs {

// Puts the policy in force for every TLS context made from now on, in place of
// /etc/ssl/openssl.cnf, and checks that it is. May be called again. Errors: FAILED_PRECONDITION /
// CONFIG_INVALID: the process must not serve or dial.
absl::Status RequireTls13();

// The check alone: a new context refuses TLS 1.2 and below and issues no ticket.
absl::Status CheckTls13();

}  // namespace tripoint::certs
