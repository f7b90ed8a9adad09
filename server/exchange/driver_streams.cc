// See driver_streams.h.
#include "server/exchange/driver_streams.h"

#include <string>
#include <string_view>
#include <utility>

#include "proto/contract/error.h"

namespace tripoint::exchange {
namespace {

constexpr std::size_t kEndTextBytesMax = 200;

// What gRPC puts before the words of our own verifier when the dialled node's certificate was
// refused; a status code and a colon follow.
constexpr std::string_view kOwnVerdict = "verification check failed with error: ";

// The text without what gRPC said before our verdict, so that it begins with the reason.
std::string_view FromOwnVerdict(std::string_view text) {
  const std::size_t verdict = text.find(kOwnVerdict);
  if (verdict == std::string_view::npos) return text;
  const std::size_t code = text.find(": ", verdict + kOwnVerdict.size());
  return code == std::string_view::npos ? text : text.substr(code + 2);
}

// Why a call ended, as a status with a reason. The text begins with one when a Tripoint node
// refused the call, or we the node (certs::ToPlainStatus: `REASON: what...`).
absl::Status EndOf(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  // The peer's bytes may be anything; what is no printable ASCII would make the answers in which
  // officers read this unreadable (protobuf's strings are UTF-8).
  std::string text(FromOwnVerdict(status.error_message()).substr(0, kEndTextBytesMax));
  for (char& c : text) {
    if (c < 0x20 || c > 0x7e) c = '?';
  }
  Reason reason = contract::ReasonFromCode(text.substr(0, text.find(':')));
  if (reason == Reason::kUnspecified) reason = Reason::kLinkLost;
  return contract::Error(absl::StatusCode::kUnavailable, reason, std::move(text),
                         "the stream to the peer ended", "it is dialled again by itself");
}

}  // namespace

void AcceptedStream::Write(v1::Frame frame) {
  outgoing_ = std::move(frame);
  StartWrite(&outgoing_);
}

void AcceptedStream::OnReadDone(bool ok) {
  if (!ok) return observer_.OnReadEnd(id_);
  observer_.OnFrame(id_, std::make_unique<v1::Frame>(std::move(incoming_)));
}

void AcceptedStream::OnDone() {
  StreamObserver& observer = observer_;
  delete this;
  observer.OnGone(nullptr);
}

DialledStream::DialledStream(StreamId id, StreamObserver& observer,
                             const std::shared_ptr<grpc::Channel>& channel)
    : id_(id), observer_(observer), stub_(v1::ExchangeService::NewStub(channel)) {}

void DialledStream::Start() {
  stub_->async()->Link(&context_, this);
  AddHold();  // operations begin on the loop, outside of reactions
  StartCall();
}

void DialledStream::Write(v1::Frame frame) {
  outgoing_ = std::move(frame);
  StartWrite(&outgoing_);
}

void DialledStream::OnReadInitialMetadataDone(bool ok) {
  if (ok) {
    observer_.OnOpened(id_);
  } else {
    observer_.OnReadEnd(id_);
  }
}

void DialledStream::OnReadDone(bool ok) {
  if (!ok) return observer_.OnReadEnd(id_);
  observer_.OnFrame(id_, std::make_unique<v1::Frame>(std::move(incoming_)));
}

void DialledStream::OnDone(const grpc::Status& status) {
  observer_.OnEnded(id_, EndOf(status));
  observer_.OnGone(std::shared_ptr<DialledStream>(this));
}

}  // namespace tripoint::exchange
