// Import files: CSV, JSON, dates and the record that comes of a line. See fuzz.h.
#include <map>
#include <sstream>

#include "client/context.h"
#include "client/csv.h"
#include "client/import_record.h"
#include "client/json.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/client/fake_host.h"

namespace tripoint::fuzz {
namespace {

constexpr std::size_t kLineBytesMax = 4096;

}  // namespace

std::vector<std::string> Seeds() {
  return {
      R"({"id": "INC-1", "date": "2026-01-05", "date_precision": "day", "country": "VN", "province": "VN-28", "gate": "G-BOY", "lat": 14.7, "lon": 107.5, "category": "drugs", "summary": "Two men were held.", "lang": "en", "facts": {"persons": [{"role": "suspect", "nationality": "LA", "count": 2}], "goods": [{"type": "heroin", "quantity": 2, "unit": "brick"}]}})",
      "id,date,category,summary\nA-1,2026-01-05,drugs,\"Two men, \"\"held\"\".\"\nA-2,x,,\n",
      "\xEF\xBB\xBFid;date\n1;05/01/2026\n"};
}

void TakeInput(std::string_view input) {
  static client::FakeHost host;
  static const auto kContext = client::Context::Make(host, nullptr, {}, {});
  Require(kContext.ok());
  client::Context& context = **kContext;
  if (const auto record = client::RecordFromJson(context, input); record.ok()) {
    // What an export writes, an import reads.
    v1::Incident again;
    Require(client::FromJson(client::ToJson(record->incident, false), again, false).ok());
  }
  std::istringstream in{std::string(input)};
  client::CsvReader reader(in, kLineBytesMax);
  std::vector<std::string> cells;
  std::size_t records = 0;
  while (records <= input.size()) {
    const absl::StatusOr<bool> more = reader.Next(cells);
    if (more.ok() && !*more) break;
    ++records;
    if (!more.ok()) continue;
    std::map<std::string, std::string> by_field;
    for (std::size_t i = 0; i < cells.size() && i < client::CsvFields().size(); ++i) {
      by_field[client::CsvFields()[i]] = cells[i];
    }
    (void)client::RecordFromCells(context, by_field);
    // A line of ours reads back cell by cell. One empty cell is an empty line, which is no record.
    if (cells == std::vector<std::string>{""}) continue;
    std::istringstream line(std::string(client::kByteOrderMark) + client::CsvLine(cells));
    std::vector<std::string> again;
    Require(client::CsvReader(line, 16 * kLineBytesMax).Next(again).ok());
    Require(again == cells);
  }
  Require(records <= input.size());  // it comes to an end
}

}  // namespace tripoint::fuzz
