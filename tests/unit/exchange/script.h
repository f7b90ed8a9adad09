// Runs one script of tests/unit/exchange/scripts against a core and writes down what it does.
//
// A script is text: set-up lines, then blocks of one event (a line that begins with "> ") and the
// actions that it must cause, one a line. The language: scripts/README.md.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "server/exchange/core.h"
#include "tests/unit/exchange/fakes.h"

namespace tripoint::exchange {

class Script {
 public:
  // The script's text with the actions that the core really does behind each event. Lines that
  // cannot be understood come back as "error: ...".
  static std::string Run(const std::string& text);

 private:
  using Words = std::vector<std::string>;
  // Options of a line: word `key=value`, or `key`.
  using Options = std::map<std::string, std::string>;

  void Setup(const Words& words);
  void MakeCore();
  void Play(const Words& words);
  Event MakeEvent(const Words& words, const Options& options);
  v1::Frame MakeFrame(const Words& words, const Options& options);
  void MakeHello(const Options& options, v1::Hello& hello);
  void MakeBatch(const Words& words, const Options& options, v1::Batch& batch);
  void MakeReceipt(const Words& words, const Options& options, v1::Receipt& receipt);
  void MakeHeartbeat(const Options& options, v1::Heartbeat& heartbeat);
  Event Answer(const Words& words, const Options& options);
  void Take(std::vector<Action> actions);
  void Write(const std::string& line) { output_ += line + "\n"; }
  std::string Describe(const Action& action) const;
  std::string DescribeFrame(const v1::Frame& frame) const;
  std::string DescribeStatus() const;

  v1::Head PeerHead(v1::Lane lane, const std::string& size, std::uint64_t epoch) const;
  v1::Receipt PeerHolds(v1::Lane lane, const std::string& size) const;
  Frontier Ours(v1::Lane lane, std::uint64_t size) const;
  Frontier Theirs(v1::Lane lane, std::uint64_t epoch, std::uint64_t size) const;
  std::size_t EnvelopeBytes(v1::Lane lane) const;

  CoreConfig config_;
  std::uint64_t peer_epoch_ = 9;
  std::map<int, std::size_t> envelope_bytes_;
  std::set<std::string> automatic_;
  std::unique_ptr<FakeSigner> signer_;
  std::unique_ptr<FakeVerifier> verifier_;
  std::unique_ptr<Core> core_;
  Time now_{.monotonic_ms = 1000, .wall_ms = 1'800'000'000'000};
  std::map<int, std::uint64_t> sizes_;  // of our channels
  std::deque<Action> waiting_;          // reads and commits without answer
  std::deque<StreamId> unsent_;
  std::string output_;
};

}  // namespace tripoint::exchange
