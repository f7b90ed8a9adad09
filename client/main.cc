// The command `tripoint`: gives the words to Run and its exit code to the shell.
#include <memory>
#include <string>
#include <vector>

#include "certs/grpc_end.h"
#include "client/app.h"
#include "client/environment.h"
#include "client/session.h"

int main(int argc, char** argv) {
  const tripoint::certs::GrpcEnd grpc_end;
  const std::unique_ptr<tripoint::client::Host> host = tripoint::client::MakeProcessHost();
  const std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
  const int code = tripoint::client::Run(words, *host, tripoint::client::ConnectSession);
  (void)grpc_end.Await();
  return code;
}
