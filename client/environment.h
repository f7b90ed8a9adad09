// The real Host: this process, its terminal and its clock.
//
// Made once by main. The only place of client/ that reads the environment, the clock or randomness.
#pragma once

#include <memory>

#include "client/host.h"

namespace tripoint::client {

// Takes over SIGINT and SIGTERM (first one: Interrupted(); second one ends the process with 130)
// and ignores SIGPIPE.
std::unique_ptr<Host> MakeProcessHost();

}  // namespace tripoint::client
