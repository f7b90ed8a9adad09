// After a loss: asks the peer for what this unit had sent it in earlier epochs, and answers a peer
// that asks for its own. Part of the core; pure. docs/protocol.md, "New epoch".
//
// While one side recovers no channel runs on the stream: own notices are back before the answers to
// them come, and nothing is sent on the strength of a memory that has holes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "server/exchange/lane.h"
#include "server/operations/recovery.h"

namespace tripoint::exchange {

class Returns {
 public:
  // `recovering`: the peer has not returned what it holds. `has_past`: there are own channels of
  // earlier epochs with it.
  Returns(LaneContext& context, bool recovering, bool has_past)
      : context_(context), recovering_(recovering), has_past_(has_past) {}

  bool recovering() const { return recovering_; }

  // The peer's hello, of a version that knows returns.
  LaneVerdict Open(const v1::Hello& hello);
  void Close();
  // A channel of the present epoch as the peer holds it, signed by this unit; nullptr: it showed
  // none.
  const operations::HeldChannel* Proven(v1::Lane lane) const;

  // Frames. `rest_ms`: how long the peer took from the last answer to this; -1: there was none.
  LaneVerdict OnRequest(const v1::ReturnRequest& request, std::size_t bytes_max,
                        std::int64_t& rest_ms);
  LaneVerdict OnReturned(v1::Returned returned);
  // Answers; false: the token is not of this part.
  bool OnCompared(HoldingsCompared& event, LaneVerdict& verdict);
  bool OnHeldRead(HeldRead& event);
  bool OnStored(ReturnStored& event, LaneVerdict& verdict);
  bool OnDone(RecoveryDone& event, LaneVerdict& verdict);
  // Does what is due: at the end of each step.
  void Work();
  std::int64_t due_ms() const;

  std::optional<v1::ReturnRequest> TakeRequest();
  bool AnswerReady() const { return answer_.has_value(); }
  std::size_t answer_bytes() const { return answer_bytes_; }
  v1::Returned TakeAnswer();
  // Since when an answer of the peer is awaited; 0: none is.
  std::int64_t waiting_since_ms() const { return asked_ ? asked_ms_ : 0; }
  // Once: the stream is to be made anew, since what it may carry has changed.
  bool TakeFinished() { return std::exchange(finished_, false); }

 private:
  enum class Step : std::uint8_t { kIdle, kCompare, kEnter, kAsk, kStore, kTake, kCarry, kMark };

  bool IsOwn(const v1::Holding& holding) const;
  bool ReadClaims(const v1::Hello& hello);
  void Begin(Step step);
  void Next();
  void DropWant();
  void GiveUp();
  LaneVerdict Failed(const absl::Status& status);

  LaneContext& context_;
  bool recovering_;
  const bool has_past_;
  bool given_up_ = false;  // on what the peer claims, after the amnesia was ended without it

  // Of the present stream.
  bool open_ = false;
  bool unproven_ = false;
  std::vector<operations::HeldChannel> claims_;
  operations::HoldingsPlan plan_;  // what is left of it; the last of each is worked on
  Step step_ = Step::kIdle;
  Token token_ = 0;  // of the work under way; 0: none
  Retry retry_;
  bool asked_ = false;
  std::int64_t asked_ms_ = 0;
  v1::Returned arrived_;
  bool finished_ = false;

  Token read_token_ = 0;  // for the peer
  v1::ReturnRequest request_;
  std::optional<v1::Returned> answer_;
  std::size_t answer_bytes_ = 0;
  std::int64_t answered_ms_ = -1;
};

}  // namespace tripoint::exchange
