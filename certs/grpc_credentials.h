// Where certificates meet gRPC: credentials for serving and dialling, and the identity of a call.
// The only such place.
//
// Used by server/node.cc, server/exchange's driver, server/rpc and client/session. RequireTls13()
// (tls_policy.h) comes before all of it. Callbacks run on gRPC's threads: they must not block, and
// must be thread-safe.
//
// One judge: gRPC is told to demand a certificate but to leave the chain to our verifier, which
// runs the same OpenSSL verification against one country's roots only. gRPC's own check against all
// roots would come first and close the connection without a reason that we could log; ours names
// it. Each call is then judged again, here or in its handler (a trust change acts on the next call
// of a standing connection). `also_check_bundle` puts gRPC's own check in front nevertheless.
#pragma once

#include <grpcpp/security/auth_context.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/status.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "certs/identity.h"
#include "certs/live_folder.h"
#include "certs/trust_cache.h"

namespace tripoint::certs {

using Clock = std::function<std::int64_t()>;  // Unix seconds
using Acceptance =
    std::function<absl::Status(const UnitIdentity&)>;              // OK: this node knows that name
using RefusalObserver = std::function<void(const absl::Status&)>;  // for the log and a counter
// The same with the unit that the refused certificate names, whether that is believed or not; empty
// when it names none.
using CallerRefusalObserver = std::function<void(const absl::Status&, const std::string& unit)>;

struct ServerTls {
  WatchedFiles files;
  std::shared_ptr<TrustCache> trust;
  Clock now_s;
  // Asked in the handshake, after the certificate was judged. Empty: any judged name may connect,
  // so that a refusal can be told in words by accept_call (a refused handshake tells the dialler
  // nothing, platform.md T19).
  Acceptance accept_connection;
  // Asked before every call, after its certificate was judged again. Empty: any. The refusal goes
  // to the caller.
  Acceptance accept_call;
  // Every handler behind this port judges its caller itself (IdentityOfCall), and an interceptor
  // those of gRPC's own services (server/runtime/library_calls.h): nothing is asked in front of
  // them. Twice was a tenth of a point read, most of it for the headers that gRPC copies.
  bool handlers_judge = false;
  RefusalObserver refused;               // may be empty
  CallerRefusalObserver refused_caller;  // may be empty
  bool also_check_bundle = false;
};

struct ChannelTls {
  WatchedFiles files;
  std::shared_ptr<TrustCache> trust;
  Clock now_s;
  UnitIdentity expected;  // exactly this node and no other
  RefusalObserver
      refused;  // told why a reached node was not accepted; the call itself only says UNAVAILABLE
  bool also_check_bundle = false;
};

// Credentials for a listening port (or connection acceptor). The files must have been checked
// (LiveFolder): gRPC aborts the process on an empty one.
std::shared_ptr<grpc::ServerCredentials> MakeServerCredentials(const ServerTls& tls);

// Credentials for channels to one peer; each peer needs its own, because the expected name lives in
// them.
std::shared_ptr<grpc::ChannelCredentials> MakeChannelCredentials(const ChannelTls& tls);

// Who is calling, judged now (from the cache, about 3 microseconds). Errors: UNAUTHENTICATED /
// CALLER_UNKNOWN without a certificate; those of Trust::Judge.
absl::StatusOr<UnitIdentity> IdentityOfCall(const grpc::AuthContext& context, TrustCache& trust,
                                            std::int64_t now_s);
absl::StatusOr<UnitIdentity> IdentityOfCall(const grpc::ServerContextBase& context,
                                            TrustCache& trust, std::int64_t now_s);

// The unit that the caller's certificate names, whether that is believed or not; empty: none. For
// the log of a refusal.
std::string UnitNamedBy(const grpc::AuthContext& context);

// `REASON: what. why. next` as a grpc::Status; for places where the details of google.rpc.Status
// cannot travel.
grpc::Status ToPlainStatus(const absl::Status& status);

}  // namespace tripoint::certs
