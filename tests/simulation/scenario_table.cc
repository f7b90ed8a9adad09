// See scenario.h. The table of lines and keys, and nothing else.
#include "tests/simulation/scenario.h"

namespace tripoint::simulation {
namespace {

constexpr std::int64_t kMs = 1000;
constexpr std::int64_t kSecond = 1000 * kMs;
constexpr std::int64_t kHour = 3600 * kSecond;
constexpr std::int64_t kForever = 10'000 * kHour;

KeySpec PerMille(const char* name, const char* meaning, std::int64_t preset = 0) {
  return {name, Form::kNumber, preset, 0, 1000, "", meaning};
}
KeySpec Duration(const char* name, std::int64_t preset, const char* meaning) {
  return {name, Form::kDuration, preset, 0, kForever, "", meaning};
}
KeySpec Node(const char* name, const char* meaning) {
  return {name, Form::kNode, kAnyNode, 0, 99'999, "", meaning};
}
KeySpec Begin() { return Duration("begin", 0, "from this time of the run on"); }
KeySpec End() { return Duration("end", kForever, "until this time of the run"); }
KeySpec Word(const char* name, const char* words, const char* meaning) {
  return {name, Form::kWord, 0, 0, 0, words, meaning};
}

std::vector<LineSpec> MakeSpecs() {
  return {
      {"run",
       true,
       "size and length; the command line goes before it",
       {{"nodes", Form::kNumber, 5, 2, 10'000, "", "whole nodes"},
        Duration("for", 60 * kSecond, "length of the bad weather of a round"),
        {"rounds", Form::kNumber, 1, 1, 1000, "", "bad weather, calm and verdict, so often"},
        Word("graph", "ring full real", "who is paired: a ring, all, the data's"),
        Duration("settle", kHour / 2, "everything arrives so soon after the last fault")}},
      {"officers",
       true,
       "what people do, a second and a node",
       {PerMille("act", "one change of a random kind", 500),
        PerMille("burst", "many notices", 10),
        {"burst_size", Form::kNumber, 20, 1, 10'000, "", "notices of a burst"},
        PerMille("import", "a batch of records"),
        PerMille("poison", "an envelope that no peer accepts")}},
      {"network",
       true,
       "every link",
       {Duration("latency", 40 * kMs, "the longest way of a frame"),
        {"rate", Form::kNumber, 2'000'000, 100, 1'000'000'000, "", "bytes a second of a stream"},
        PerMille("reset", "a frame kills its stream"),
        PerMille("drop", "a frame is lost inside its stream"),
        PerMille("duplicate", "a frame comes twice"),
        PerMille("delay", "a frame is held up"),
        Duration("delay_by", 2 * kSecond, "the longest that it is held up"),
        PerMille("dial", "a second and a node: one more connection, for reordering"),
        PerMille("cut", "a second and a node: a link is cut for up to 25 s, one way or both")}},
      {"partition",
       false,
       "one cut between two nodes, or of one node from all",
       {Node("from", "node; `any`: a random one"),
        Node("to", "node; `any`: all that `from` is paired with"),
        Word("mode", "full one-way flapping", "both ways, what `from` sends, or on and off"),
        Duration("every", 3 * kSecond, "flapping: half a period"), Begin(), End()}},
      {"peer",
       false,
       "a slow or stalled node",
       {Node("node", "which; `any`: a random one"),
        Word("mode", "slow stalled",
             "slow: rate and latency below; stalled: takes and says nothing"),
        {"rate", Form::kNumber, 500, 100, 1'000'000'000, "", "bytes a second of what it sends"},
        Duration("latency", 3 * kSecond, "the longest way of what it sends"),
        Begin(),
        End()}},
      {"crash",
       true,
       "power loss and kill -9: all that was not synced is lost",
       {PerMille("at_commit", "at each step of a commit: before it, after it, after its answer"),
        PerMille("a_second", "a second and a node: at any moment"),
        Duration("down", 8 * kSecond, "the longest until it is started again")}},
      {"disk",
       true,
       "what a commit may do instead of storing",
       {PerMille("lost", "fails; the batch is not there"),
        PerMille("stored", "fails; the batch is there"),
        PerMille("later", "a failed sync, all later ones too; there after the restart"),
        PerMille("torn", "as later; torn in the log, so not there after the restart"),
        PerMille("full", "this commit meets a full disk"),
        PerMille("full_a_second",
                 "a second and a node: fills up in up to 10 s, bulk refused first, and back"),
        PerMille("late", "a commit that takes up to 60 ms and can be read only when it is done"),
        Duration("delay", 0, "the longest that a commit takes")}},
      {"rot",
       false,
       "a bit flips in an envelope that waits to be sent; repaired when the weather ends",
       {Node("node", "which; `any`: a random one"), PerMille("a_second", "chance a second", 100),
        Begin(), End()}},
      {"clock",
       false,
       "wall clocks that are wrong",
       {Node("node", "which; `any`: all"),
        {"wrong", Form::kNumber, 0, -40, 40, "", "years from the true time, from the start"},
        PerMille("jumps", "a second: jumps forward or back"),
        {"years", Form::kNumber, 1, 1, 40, "", "the most that it jumps"},
        {"back", Form::kNumber, 0, 0, 3600, "", "seconds that it runs back in each second"}}},
      {"lie",
       false,
       "a node that lies to its peers; it harms its own channels at most",
       {Node("node", "which; not `any`"),
        Word("about",
             "fork replay signature garbage size bounds receipt resend epoch silence heads shorter "
             "backdated audience mixup",
             "its history; old frames again; signed garbage; other envelopes than signed; sizes; "
             "every bound; receipts; what is sent again; its epoch; batches, which end; roots in "
             "signs of life; in well signed envelopes: what it had said, for whom it is, which "
             "record is meant"),
        PerMille("chance", "of a frame that could carry it; of envelopes: a second", 100), Begin(),
        End()}},
      {"version",
       false,
       "a node of another protocol version",
       {Node("node", "which; not `any`"),
        {"least", Form::kNumber, 1, 1, 99, "", "oldest version that it speaks"},
        {"most", Form::kNumber, 1, 1, 99, "", "newest version that it speaks"},
        {"omits", Form::kNumber, 0, 0, 2, "", "versions behind: fields that it knows nothing of"},
        {"adds", Form::kNumber, 0, 0, 1, "", "1: it sends fields that nobody knows"}}},
      {"rollback",
       false,
       "a node's disk is replaced by an old copy of itself",
       {Node("node", "which; not `any`"), Duration("copied", 10 * kSecond, "time of the copy"),
        Duration("restored", 40 * kSecond, "when the copy is put back"),
        Word("epoch", "same new",
             "same: a rollback, which peers must notice; new: a restored backup, to which peers "
             "return what they had from it")}},
      {"bundles",
       true,
       "officers carry files between nodes, old ones too, twice, in any order, beside the links",
       {PerMille("made", "a second and a node: a bundle for one of its neighbours", 100),
        PerMille("brought", "a second: one of the files that lie about reaches its receiver", 300),
        Begin(), End()}},
      {"expect",
       false,
       "what honest nodes must have noticed when the run ends",
       {{"alert", Form::kReason, 0, 1, 10'000, "",
         "reason of proto/codes/reasons.tsv, of an alert or for refusing a liar's envelope"},
        {"least", Form::kNumber, 1, 0, 1'000'000, "",
         "so often; with a liar, in all runs of a call together"},
        {"most", Form::kNumber, 1'000'000'000, 0, 1'000'000'000, "", "and no more often"}}},
  };
}

}  // namespace

const std::vector<LineSpec>& LineSpecs() {
  static const std::vector<LineSpec> specs = MakeSpecs();
  return specs;
}

}  // namespace tripoint::simulation
