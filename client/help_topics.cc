// Texts of `tripoint help TOPIC`.
#include "client/help_topics.h"

namespace tripoint::client {
namespace {

constexpr std::string_view kExitCodes =
    R"(Exit codes: one meaning each, the same in every output mode.
    0   done
    1   refused by the node
    2   wrong input: nothing was done
    3   not found
    4   not allowed: certificate or role
    5   node or peer unreachable
    6   conflict: somebody else did it, or it changed since you read it
    7   waited, and time ran out
    8   partly done
    9   integrity failure
  130   interrupted
)";

constexpr std::string_view kFormats = R"(Output modes (-o MODE, or TRIPOINT_OUTPUT):
  table   columns for people; text in Khmer or Lao script is always last
  wide    all columns, nothing cut
  json    a list is one array, a record one object; field names are those of the contract; 64-bit numbers are texts.
          What a node can export it can import again: tripoint incident list -o jsonl > f; tripoint incident import f
  jsonl   one object a line; what --watch gives in both JSON modes
  csv     UTF-8 with byte order mark, times as ISO 8601, formulas guarded with '
  id      one reference a line, for scripts
Data goes to standard output, everything else to standard error. In json and jsonl an error is one object on standard
output: {"error":{"code":"unit_unknown","what":"..","why":"..","next":"..","exit":2}}
--columns a,b chooses columns of table, wide and csv.   Lists show 100 records in table and wide; --limit 0 shows all.
)";

constexpr std::string_view kReferences =
    R"(References can be read over a telephone: I-QNG-26-0093-T is an incident (I) of unit QNG in 2026, number 93, check
letter T. N is a notice, F a flash. Any unique tail works: 0093-T, 93-T, QNG-26-0093-T. The check letter finds a misheard
digit before the node is asked. A tail that fits several records is refused with the list of them.
)";

constexpr std::string_view kTimes =
    R"(Times are local (+07 in all three countries) unless said otherwise; --time utc shows UTC.
  now   04:10   "today 04:10"   "yesterday 23:40"   2026-11-21T04:10   21/11/2026 04:10   2026-11-20T21:10Z
  2026-11-21 (only the day is known)   2026-11 (the month)   2026 (the year)
Khmer and Lao digits may be used. Spans: 90s   5m   2h   3d   2h30m
)";

constexpr std::string_view kPlaces =
    R"(--where takes a gate by id (G-BOY) or by its name on either side, accents or not ("Bo Y").
--locality names any other place as you write it; --at LATITUDE,LONGITUDE gives a position;
--marker LINE:NUMBER[:METRES[:DEGREES]] gives one by border marker, such as la-vn:790:200:45.
All gates: tripoint codes gates
)";

constexpr std::string_view kSettings =
    R"(Settings: a flag wins over a TRIPOINT_* variable, that over the file, that over the default.
File: $TRIPOINT_CONFIG or ~/.config/tripoint/config.toml
  node = "vn-quangngai"     lang = "vi"     output = "table"     time = "local"     timeout = "10s"
  [nodes."vn-quangngai"]
  unit = "vn-quangngai"     address = "127.0.0.1:7443"     certificates = "/etc/tripoint/huy"     roots = "/etc/tripoint/roots"
Variables: TRIPOINT_CONFIG, TRIPOINT_NODE, TRIPOINT_LANG, TRIPOINT_OUTPUT, TRIPOINT_TIME, TRIPOINT_TIMEOUT; or a node without a
file: TRIPOINT_ADDRESS, TRIPOINT_UNIT, TRIPOINT_CERTIFICATES, TRIPOINT_ROOTS. Also NO_COLOR, ACCESSIBLE=1, TERM=dumb.
)";

constexpr std::string_view kImport =
    R"(tripoint incident import FILE reads JSON Lines (the public data set, or what `incident list -o jsonl` wrote) or CSV.
Everything is checked before anything is sent; bad lines are named by number and the good ones are kept, unless
--all-or-nothing. The same file twice adds nothing: each record keeps its own id (external_id).
CSV needs to know which column is what: --map title=Summary --map when=Date --map kind=Category, or --mapping FILE with one
field=column a line. Fields: id, when, kind, severity, where, locality, latitude, longitude, title, text, text-lang,
publisher, url. --dry-run checks and counts only.
--filter province=VN-28 keeps one province; --nearest-to-unit keeps what belongs to this node's unit.
)";

}  // namespace

const std::vector<HelpTopic>& HelpTopics() {
  static const std::vector<HelpTopic> kTopics = {{"exit-codes", kExitCodes},  {"formats", kFormats},
                                                 {"references", kReferences}, {"times", kTimes},
                                                 {"places", kPlaces},         {"import", kImport},
                                                 {"settings", kSettings}};
  return kTopics;
}

}  // namespace tripoint::client
