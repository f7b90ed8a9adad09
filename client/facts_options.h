// The flags that say what happened, the same for `incident new`, `incident edit`, `notice revise`
// and `flash send`.
//
// Words become codes by the code lists, names become gates, times become UTC; every fault is
// collected, none ends the reading. One thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "client/app.h"
#include "client/errors.h"
#include "tripoint/v1/entities.pb.h"

namespace tripoint::client {

struct FactsOptions {
  std::string kind, when, where, locality, at, marker, severity, certainty, status, title, text,
      text_language, plate;
  std::vector<std::string> persons, vehicles, documents, goods;

  // Adds the flags to `app`.
  void AddTo(CLI::App* app);
  // True when any flag was given.
  bool Any() const;
  // Puts what was given into `facts`; a list flag replaces the whole list, --where, --locality,
  // --at and --marker each their part of the place. Times after now are faults: nothing has
  // happened in the future.
  void Apply(Context& context, v1::Facts& facts, Faults& faults) const;
};

// Text with the language that it is written in: `language` if said, else by its letters, else the
// reader's.
v1::Text MakeText(const Context& context, std::string_view text, std::string_view language,
                  Faults& faults);

// Not empty, but nothing to read: only spaces and line ends.
bool IsBlank(std::string_view text);

// vi, km or lo when the letters of `text` say so; else `otherwise`.
std::string LanguageOf(std::string_view text, std::string_view otherwise);

// Canonical code of `word` in `list`, or a fault under `flag`.
std::string CodeOf(const Context& context, std::string_view list, std::string_view word,
                   const std::string& flag, Faults& faults);

// Unit ids of `words` (ids, short codes or names; each may hold several with commas), or faults.
std::vector<std::string> UnitsOf(const Context& context, const std::vector<std::string>& words,
                                 const std::string& flag, Faults& faults);

// A number with Khmer or Lao digits allowed; a fault and 0 when it is none, or outside `min` to
// `max`.
double NumberOf(std::string_view text, double min, double max, const std::string& flag,
                Faults& faults);

}  // namespace tripoint::client
