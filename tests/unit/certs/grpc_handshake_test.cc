// Tests of real handshakes over gRPC on loopback: every fact of platform.md section 1 that our
// credentials stand on.
#include <grpc/grpc.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <atomic>
#include <chrono>
#include <ctime>
#include <map>
#include <thread>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "certs/files.h"
#include "certs/grpc_credentials.h"
#include "certs/grpc_end.h"
#include "certs/tls_policy.h"
#include "certs_testing.h"
#include "raw_tls_client.h"

namespace tripoint::certs {
namespace {

// What a context of this process allowed before main() asked for TLS 1.3.
absl::Status* g_before = nullptr;
// Made before the first test.
const GrpcEnd* g_end = nullptr;

std::chrono::system_clock::time_point In(int seconds) {
  return std::chrono::system_clock::now() + std::chrono::seconds(seconds);
}

// Reasons in the order in which they were reported, with a way to wait for one.
class Refusals {
 public:
  RefusalObserver Observer() {
    return [this](const absl::Status& status) {
      const absl::MutexLock lock(&mutex_);
      ++reasons_[ReasonOf(status)];
    };
  }
  bool WaitFor(const std::string& reason) {
    const absl::MutexLock lock(&mutex_);
    const auto seen = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return reasons_.contains(reason);
    };
    return mutex_.AwaitWithTimeout(absl::Condition(&seen), absl::Seconds(5));
  }
  bool Any() {
    const absl::MutexLock lock(&mutex_);
    return !reasons_.empty();
  }

 private:
  absl::Mutex mutex_;
  std::map<std::string, int> reasons_ ABSL_GUARDED_BY(mutex_);
};

// Answers any call with the URI of its caller.
class WhoAmI final : public grpc::CallbackGenericService {
 public:
  WhoAmI(TrustCache* trust, Clock now_s) : trust_(trust), now_s_(std::move(now_s)) {}
  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    return new Answer(IdentityOfCall(*context, *trust_, now_s_()));
  }

 private:
  class Answer final : public grpc::ServerGenericBidiReactor {
   public:
    explicit Answer(absl::StatusOr<UnitIdentity> caller) : caller_(std::move(caller)) {
      StartRead(&request_);
    }
    void OnReadDone(bool /*ok*/) override {
      if (!caller_.ok()) return Finish(ToPlainStatus(caller_.status()));
      const grpc::Slice slice(FormatUri(*caller_));
      answer_ = grpc::ByteBuffer(&slice, 1);
      StartWriteAndFinish(&answer_, grpc::WriteOptions(), grpc::Status::OK);
    }
    void OnDone() override { delete this; }

   private:
    absl::StatusOr<UnitIdentity> caller_;
    grpc::ByteBuffer request_;
    grpc::ByteBuffer answer_;
  };
  TrustCache* trust_;
  Clock now_s_;
};

struct Answer {
  grpc::Status status;
  std::string who;          // the caller's URI, as the server saw it
  std::string server_leaf;  // PEM that the server showed
};

// Two countries, a node of one that serves, and diallers with any pair.
class HandshakeTest : public testing::Test {
 protected:
  HandshakeTest() {
    trust_ = std::make_shared<TrustCache>(TrustOf({vn_.Files(), la_.Files()}, {}, start_s_));
    live_ = std::make_unique<LiveFolder>(*LiveFolder::Open(folder_ / "data"));
    WritePair(folder_ / "certs", "tls", vn_.Node("vn-kontum", start_s_));
    EXPECT_TRUE(live_->Reload(folder_ / "certs", *trust_->Current(), server_name_, start_s_).ok());
  }
  ~HandshakeTest() override {
    if (server_ != nullptr) server_->Shutdown(In(0));
  }

  Clock Now() {
    return [this] { return now_s_.load(); };
  }

  // Starts the server; `change` may set what differs from the usual.
  void Serve(const std::function<void(ServerTls*)>& change = [](ServerTls*) {}) {
    ServerTls tls;
    tls.files = live_->Watched(1);
    tls.trust = trust_;
    tls.now_s = Now();
    tls.refused = server_refusals_.Observer();
    change(&tls);
    service_ = std::make_unique<WhoAmI>(trust_.get(), Now());
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", MakeServerCredentials(tls), &port_);
    builder.RegisterCallbackGenericService(service_.get());
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
  }

  // A channel with its own connection. Its files: <folder>/dial<n>.
  std::shared_ptr<grpc::Channel> Dial(
      const TestPair& pair, const UnitIdentity& expected,
      const std::function<void(ChannelTls*)>& change = [](ChannelTls*) {}) {
    const std::string files = folder_ / ("dial" + std::to_string(++dials_));
    WritePair(files, "tls", pair);
    WriteText(files + "/roots.pem", trust_->Current()->RootsPem());
    ChannelTls tls;
    tls.files = {.key_path = files + "/tls.key",
                 .certificate_path = files + "/tls.pem",
                 .roots_path = files + "/roots.pem",
                 .refresh_s = 60};
    tls.trust = trust_;
    tls.now_s = Now();
    tls.expected = expected;
    tls.refused = client_refusals_.Observer();
    change(&tls);
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 200);
    // The time that a handshake has: on a slow machine, under a sanitizer, it takes more than 200
    // ms.
    arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 5000);
    return grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(port_),
                                     MakeChannelCredentials(tls), arguments);
  }
  std::shared_ptr<grpc::Channel> Dial(const TestPair& pair) { return Dial(pair, server_name_); }

  // With `patient`, a refused connection is tried again until the deadline.
  static Answer Call(const std::shared_ptr<grpc::Channel>& channel, bool patient = false) {
    grpc::GenericStub stub(channel);
    grpc::ClientContext context;
    context.set_deadline(In(10));
    context.set_wait_for_ready(patient);
    const grpc::Slice slice("?");
    const grpc::ByteBuffer request(&slice, 1);
    grpc::ByteBuffer response;
    Answer answer;
    absl::Notification done;
    stub.UnaryCall(&context, "/test.Who/AmI", grpc::StubOptions(), &request, &response,
                   [&](grpc::Status status) {
                     answer.status = std::move(status);
                     done.Notify();
                   });
    done.WaitForNotification();
    grpc::Slice text;
    if (answer.status.ok() && response.DumpToSingleSlice(&text).ok()) {
      answer.who.assign(reinterpret_cast<const char*>(text.begin()), text.size());
      const std::vector<grpc::string_ref> leaf =
          context.auth_context()->FindPropertyValues("x509_pem_cert");
      if (!leaf.empty()) answer.server_leaf.assign(leaf[0].data(), leaf[0].size());
    }
    return answer;
  }

  // The dialler hears only that the connection broke; our side knows why.
  void ExpectRefused(const TestPair& pair, const std::string& reason) {
    EXPECT_EQ(Call(Dial(pair)).status.error_code(), grpc::StatusCode::UNAVAILABLE) << reason;
    EXPECT_TRUE(server_refusals_.WaitFor(reason)) << reason;
  }

  const std::int64_t start_s_ = std::time(nullptr);
  std::atomic<std::int64_t> now_s_ = start_s_;
  const UnitIdentity server_name_ = *MakeIdentity("vn-kontum");
  TestCountry vn_{"vn", start_s_};
  TestCountry la_{"la", start_s_};
  TempFolder folder_;
  std::shared_ptr<TrustCache> trust_;
  std::unique_ptr<LiveFolder> live_;
  Refusals server_refusals_;
  Refusals client_refusals_;
  std::unique_ptr<WhoAmI> service_;
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;
  int dials_ = 0;
};

// Goal (T6): the check sees the difference that RequireTls13 made, even after the system's
// configuration was loaded.
TEST(TlsPolicy, WasNotInForceBeforeAndIsNow) {
  EXPECT_FALSE(g_before->ok());
  EXPECT_TRUE(CheckTls13().ok());
}

// Goal (T1, T4, T16): own and foreign nodes and officers are served, each under its exact name;
// with and without gRPC's own check in front.
TEST_F(HandshakeTest, NodesAndOfficersOfBothCountriesAreServed) {
  for (const bool bundle : {false, true}) {
    if (server_ != nullptr) server_->Shutdown(In(0));
    Serve([&](ServerTls* tls) { tls->also_check_bundle = bundle; });
    const auto with = [&](ChannelTls* tls) { tls->also_check_bundle = bundle; };
    const Answer neighbour = Call(Dial(la_.Node("la-attapeu", start_s_), server_name_, with));
    EXPECT_TRUE(neighbour.status.ok()) << neighbour.status.error_message();
    EXPECT_EQ(neighbour.who, "spiffe://la.tripoint/unit/la-attapeu");
    EXPECT_EQ(Call(Dial(vn_.Officer("vn-kontum", "huy.nguyen", start_s_), server_name_, with)).who,
              "spiffe://vn.tripoint/unit/vn-kontum/officer/huy.nguyen");
    EXPECT_FALSE(server_refusals_.Any());
  }
}

// Goal (T5): a client that speaks at most TLS 1.2 is refused by the server; the same client
// with 1.3 is served.
TEST_F(HandshakeTest, Tls12IsRefused) {
  Serve();
  const TestPair pair = vn_.Node("vn-tayninh", start_s_);
  const RawResult old_version = ConnectRaw(port_, TLS1_2_VERSION, &pair);
  EXPECT_FALSE(old_version.connected);
  const RawResult new_version = ConnectRaw(port_, TLS1_3_VERSION, &pair);
  EXPECT_TRUE(new_version.connected) << new_version.error;
  EXPECT_EQ(new_version.version, "TLSv1.3");
}

// Goal (T14, P7): no session ticket is issued, so that nothing can be resumed past a revocation.
TEST_F(HandshakeTest, NoTicketIsIssued) {
  Serve();
  const TestPair pair = vn_.Node("vn-tayninh", start_s_);
  const RawResult result = ConnectRaw(port_, TLS1_3_VERSION, &pair);
  EXPECT_TRUE(result.connected) << result.error;
  EXPECT_EQ(result.tickets, 0);
}

// Goal: without a certificate nobody gets in.
TEST_F(HandshakeTest, NoCertificateIsRefused) {
  Serve();
  EXPECT_FALSE(ConnectRaw(port_, TLS1_3_VERSION, nullptr).connected);
}

// Goal (T8-T10, P1-P4): lying, ended, future, misused and foreign-signed certificates are refused
// in the handshake, and our side can say exactly why.
TEST_F(HandshakeTest, LyingDiallersAreRefusedWithTheReasonOnOurSide) {
  Serve();
  const std::int64_t from_s = start_s_ - kDayS;
  const std::int64_t to_s = start_s_ + kDayS;
  const std::string uri = "URI:spiffe://vn.tripoint/unit/vn-tayninh";
  ExpectRefused(vn_.Forge({.not_before_s = from_s, .not_after_s = start_s_ - 1}),
                "CERTIFICATE_EXPIRED");
  ExpectRefused(vn_.Forge({.not_before_s = start_s_ + 3600, .not_after_s = to_s}),
                "CERTIFICATE_NOT_YET_VALID");
  ExpectRefused(vn_.Forge({.usages = {"serverAuth"}, .not_before_s = from_s, .not_after_s = to_s}),
                "CERTIFICATE_WRONG_USAGE");
  ExpectRefused(vn_.Forge({.names = {uri, "URI:spiffe://vn.tripoint/unit/vn-gialai"},
                           .not_before_s = from_s,
                           .not_after_s = to_s}),
                "CERTIFICATE_MALFORMED");
  ExpectRefused(
      la_.Forge(
          {.unit = "vn-tayninh", .country = "LA", .not_before_s = from_s, .not_after_s = to_s}),
      "CERTIFICATE_UNTRUSTED");
  ExpectRefused(vn_.Forge({.country = "LA", .not_before_s = from_s, .not_after_s = to_s}),
                "CERTIFICATE_WRONG_NAME");
  // None of this hurt an honest dialler.
  EXPECT_TRUE(Call(Dial(la_.Node("la-attapeu", start_s_))).status.ok());
}

// Goal: the same with gRPC's own check in front; it refuses before our verifier, on the machine's
// clock.
TEST_F(HandshakeTest, BundleCheckInFrontRefusesToo) {
  Serve([](ServerTls* tls) { tls->also_check_bundle = true; });
  const TestPair ended = vn_.Forge({.not_before_s = start_s_ - kDayS, .not_after_s = start_s_ - 1});
  EXPECT_EQ(Call(Dial(ended)).status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(Call(Dial(SelfSigned({.not_before_s = start_s_ - 60, .not_after_s = start_s_ + kDayS})))
                .status.error_code(),
            grpc::StatusCode::UNAVAILABLE);
  // An unconstrained foreign root passes that check; ours still stops it (T9).
  UnconstrainedCountry kh("kh", start_s_);
  trust_->Replace(TrustOf({vn_.Files(), la_.Files(), kh.Files()}, {}, start_s_));
  ASSERT_TRUE(*live_->Reload(folder_ / "certs", *trust_->Current(), server_name_, start_s_));
  const TestPair lie = kh.Forge(
      {.unit = "vn-tayninh", .not_before_s = start_s_ - 60, .not_after_s = start_s_ + kDayS});
  const TestPair honest = kh.Forge({.unit = "kh-a",
                                    .country = "KH",
                                    .not_before_s = start_s_ - 60,
                                    .not_after_s = start_s_ + kDayS});
  // Wait until gRPC has seen the new roots: the honest one gets in.
  ASSERT_TRUE(Call(Dial(honest), true).status.ok());
  ExpectRefused(lie, "CERTIFICATE_UNTRUSTED");
}

// Goal (T16): dialling A and reaching B is refused by the dialler, with both names; also when only
// an officer answers.
TEST_F(HandshakeTest, AnotherNodeThanExpectedIsRefused) {
  Serve();
  const TestPair pair = la_.Node("la-attapeu", start_s_);
  EXPECT_EQ(Call(Dial(pair, *MakeIdentity("vn-gialai"))).status.error_code(),
            grpc::StatusCode::UNAVAILABLE);
  EXPECT_TRUE(client_refusals_.WaitFor("CERTIFICATE_WRONG_NAME"));
}

// Goal (T15, T17, P5): a revocation acts on the next call of a connection that stands, and the
// caller is told.
TEST_F(HandshakeTest, RevocationActsOnTheNextCall) {
  Serve();
  const TestPair pair = la_.Node("la-attapeu", start_s_);
  const std::shared_ptr<grpc::Channel> channel = Dial(pair);
  ASSERT_TRUE(Call(channel).status.ok());
  ASSERT_TRUE(la_.authority().Revoke(ReadFacts(pair.certificate_pem)->serial, start_s_).ok());
  trust_->Replace(*MakeTrust({vn_.Files(), la_.Files()}, {}, start_s_, trust_->Current().get()));
  const grpc::Status status = Call(channel).status;
  // Not UNAVAILABLE: the connection stood, the call was judged.
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_NE(status.error_message().find("CERTIFICATE_REVOKED"), std::string::npos)
      << status.error_message();
  ExpectRefused(pair, "CERTIFICATE_REVOKED");
}

// Goal (T15): a certificate that ends while its connection stands is refused at the next call.
TEST_F(HandshakeTest, ExpiryActsOnTheNextCall) {
  Serve();
  const std::shared_ptr<grpc::Channel> channel = Dial(la_.Node("la-attapeu", start_s_, 20));
  ASSERT_TRUE(Call(channel).status.ok());
  now_s_ = start_s_ + 21 * kDayS;
  const grpc::Status status = Call(channel).status;
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_NE(status.error_message().find("CERTIFICATE_EXPIRED"), std::string::npos)
      << status.error_message();
}

// Goal (P8): a unit that this node does not know is refused in words when calls are asked, silently
// when connections are.
TEST_F(HandshakeTest, UnknownUnitIsRefusedInWords) {
  const Acceptance only_kontum = [](const UnitIdentity& who) {
    if (who.unit == "vn-kontum") return absl::OkStatus();
    return contract::Error(absl::StatusCode::kPermissionDenied, contract::Reason::kUnitNotPaired,
                           "This node is not paired with " + who.unit, "Both operators must agree",
                           "Ask them to pair");
  };
  Serve([&](ServerTls* tls) { tls->accept_call = only_kontum; });
  const grpc::Status status = Call(Dial(la_.Node("la-attapeu", start_s_))).status;
  EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(status.error_message(),
            "UNIT_NOT_PAIRED: This node is not paired with la-attapeu. Both operators must agree. "
            "Ask them to pair");
  EXPECT_TRUE(Call(Dial(vn_.Officer("vn-kontum", "huy", start_s_))).status.ok());
  server_->Shutdown(In(0));
  Serve([&](ServerTls* tls) { tls->accept_connection = only_kontum; });
  ExpectRefused(la_.Node("la-attapeu", start_s_), "UNIT_NOT_PAIRED");
}

// Goal (T2, T3, P9): a good new certificate is served without restart; a bad one is never taken and
// nobody notices.
TEST_F(HandshakeTest, HotReloadTakesGoodSetsOnly) {
  Serve();
  const TestPair pair = la_.Node("la-attapeu", start_s_);
  const auto serial = [&] {
    const Answer answer = Call(Dial(pair));
    EXPECT_TRUE(answer.status.ok()) << answer.status.error_message();
    const auto facts = ReadFacts(answer.server_leaf);
    return facts.ok() ? facts->serial : "none";
  };
  const std::string first = serial();
  const TestPair next = vn_.Node("vn-kontum", start_s_);
  WritePair(folder_ / "certs", "tls", next);
  ASSERT_TRUE(*live_->Reload(folder_ / "certs", *trust_->Current(), server_name_, start_s_));
  const std::string wanted = ReadFacts(next.certificate_pem)->serial;
  ASSERT_NE(first, wanted);
  const auto end = In(10);
  while (serial() != wanted) ASSERT_LT(std::chrono::system_clock::now(), end);
  // A pair that does not match would make every handshake fail (T3); it is refused before gRPC sees
  // it.
  WriteText(folder_ / "certs/tls.pem", vn_.Node("vn-kontum", start_s_).certificate_pem);
  EXPECT_EQ(
      ReasonOf(
          live_->Reload(folder_ / "certs", *trust_->Current(), server_name_, start_s_).status()),
      "KEY_MISMATCH");
  EXPECT_EQ(serial(), wanted);
}

// Goal: a process that ends waits for what gRPC still does on a thread of its own (found as a leak
// of a CLI that ended beside it).
TEST(GrpcEnd, IsWaitedForWhenAnotherThreadHasTheLastReference) {
  ASSERT_TRUE(g_end->Await()) << "a test before this one keeps gRPC or a thread alive";
  grpc_init();
  EXPECT_FALSE(g_end->Await(5));
  absl::Notification waits;
  std::thread last([&] {
    waits.WaitForNotification();
    grpc_shutdown();
  });
  waits.Notify();
  EXPECT_TRUE(g_end->Await());
  EXPECT_EQ(grpc_is_initialized(), 0);
  last.join();
}

// Goal: also for a thread that gRPC has let go of and that has not ended (found as a leak of
// OpenSSL's state of that thread, 2 of 150 calls of an address where nothing listens).
TEST(GrpcEnd, IsWaitedForWhenAThreadOutlivesIt) {
  ASSERT_TRUE(g_end->Await()) << "a test before this one keeps gRPC or a thread alive";
  absl::Notification ends;
  std::thread late([&ends] { ends.WaitForNotification(); });
  EXPECT_EQ(grpc_is_initialized(), 0);
  EXPECT_FALSE(g_end->Await(5));
  ends.Notify();
  EXPECT_TRUE(g_end->Await());
  late.join();
}

}  // namespace
}  // namespace tripoint::certs

int main(int argc, char** argv) {
  const tripoint::certs::GrpcEnd end;
  tripoint::certs::g_end = &end;
  absl::Status before = tripoint::certs::CheckTls13();
  tripoint::certs::g_before = &before;
  if (const absl::Status required = tripoint::certs::RequireTls13(); !required.ok()) return 1;
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
