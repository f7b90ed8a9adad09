// `tripointd ca ...`: see authority_commands.h. One thread.
#include "certs/authority_commands.h"

#include <fmt/format.h>

#include <optional>
#include <utility>
#include <vector>

#include "certs/authority.h"
#include "certs/certificate.h"
#include "certs/files.h"
#include "certs/identity.h"
#include "proto/contract/error.h"

namespace tripoint::certs {
namespace {

using contract::Error;
using contract::Reason;

absl::Status BadOptions(std::string what, std::string next) {
  return Error(absl::StatusCode::kInvalidArgument, Reason::kFieldInvalid, std::move(what),
               "The options exclude each other or one is missing", std::move(next));
}

// What `issue` is to make, and the names of the two files.
struct Piece {
  CertificateKind kind;
  std::string stem;
};

std::vector<Piece> PiecesOf(const AuthorityIssueOptions& options) {
  if (!options.officer.empty()) return {{CertificateKind::kOfficer, "tls"}};
  if (options.signing) return {{CertificateKind::kSigning, "signing"}};
  if (options.tls_only) return {{CertificateKind::kNode, "tls"}};
  return {{CertificateKind::kNode, "tls"}, {CertificateKind::kSigning, "signing"}};
}

absl::Status RefuseTaken(const std::string& out, const std::vector<Piece>& pieces) {
  for (const Piece& piece : pieces) {
    for (const char* end : {".key", ".pem"}) {
      const std::string name = piece.stem + end;
      if (!Exists(fmt::format("{}/{}", out, name))) continue;
      return Error(absl::StatusCode::kAlreadyExists, Reason::kAlreadyExists,
                   fmt::format("{} exists already in the output folder", name),
                   "Keys and certificates are never overwritten. Nothing was changed",
                   "Name a new folder with --out");
    }
  }
  return absl::OkStatus();
}

absl::Status CopyRoots(const std::string& out, const Authority& authority) {
  const std::string roots = out + "/roots";
  if (absl::Status made = MakeFolder(roots, 0755); !made.ok()) return made;
  const std::string stem = fmt::format("{}/{}", roots, authority.country());
  absl::Status written = ReplaceFile(stem + ".pem", authority.root_pem(), kPublicMode);
  written.Update(ReplaceFile(stem + ".crl", authority.crl_pem(), kPublicMode));
  return written;
}

}  // namespace

absl::StatusOr<std::string> RunAuthorityInit(const AuthorityInitOptions& options,
                                             std::int64_t now_s) {
  if (options.folder.empty())
    return BadOptions("No folder for the authority was named", "Add --dir DIR");
  const absl::StatusOr<Authority> authority =
      Authority::Init(options.folder, options.country, now_s);
  if (!authority.ok()) return authority.status();
  return fmt::format(
      "Made the authority of {} in {}, valid until {}.\n"
      "Keep root.key offline and backed up; whoever has it can name any unit of {}.\n"
      "next: tripointd ca issue --dir {} --unit {}-NAME --out DIR\n",
      options.country, options.folder, UtcText(authority->root_not_after_s()), options.country,
      options.folder, options.country);
}

absl::StatusOr<std::string> RunAuthorityIssue(const AuthorityIssueOptions& options,
                                              std::int64_t now_s) {
  if (options.folder.empty() || options.out.empty()) {
    return BadOptions("The authority's folder and the output folder are both needed",
                      "Add --dir DIR and --out DIR");
  }
  if ((options.officer.empty() ? 0 : 1) + (options.signing ? 1 : 0) + (options.tls_only ? 1 : 0) >
      1) {
    return BadOptions(
        "More than one kind of certificate was asked for",
        "Use one of --officer ID, --signing and --tls-only, or none for a whole node");
  }
  absl::StatusOr<UnitIdentity> name = options.officer.empty()
                                          ? MakeIdentity(options.unit)
                                          : MakeIdentity(options.unit, options.officer);
  if (!name.ok()) return name.status();
  absl::StatusOr<Authority> authority = Authority::Open(options.folder);
  if (!authority.ok()) return authority.status();

  const std::vector<Piece> pieces = PiecesOf(options);
  if (absl::Status taken = RefuseTaken(options.out, pieces); !taken.ok()) return taken;
  std::string text;
  for (const Piece& piece : pieces) {
    const absl::StatusOr<Issued> issued = authority->Issue(piece.kind, *name, options.days, now_s);
    if (!issued.ok()) return issued.status();
    const std::string stem = fmt::format("{}/{}", options.out, piece.stem);
    absl::Status written = MakeFolder(options.out, 0700);
    if (written.ok()) written = WriteNewFile(stem + ".key", issued->key_pem, kSecretMode);
    if (written.ok()) written = WriteNewFile(stem + ".pem", issued->certificate_pem, kPublicMode);
    if (!written.ok()) return written;
    text += fmt::format("{0}.pem {0}.key  {1}  serial {2}  valid until {3}\n", piece.stem,
                        FormatUri(*name), issued->serial, UtcText(issued->not_after_s));
  }
  if (absl::Status copied = CopyRoots(options.out, *authority); !copied.ok()) return copied;
  return fmt::format(
      "{0}roots/{1}.pem roots/{1}.crl  root and revocation list of {1}\nWritten to {2}.\n", text,
      authority->country(), options.out);
}

absl::StatusOr<std::string> RunAuthorityRevoke(const AuthorityRevokeOptions& options,
                                               std::int64_t now_s) {
  if (options.folder.empty())
    return BadOptions("The authority's folder was not named", "Add --dir DIR");
  if (!options.serial.empty() && !options.certificate_path.empty()) {
    return BadOptions("Both a serial and a certificate were named",
                      "Use either --serial or --cert");
  }
  absl::StatusOr<Authority> authority = Authority::Open(options.folder);
  if (!authority.ok()) return authority.status();
  std::string serial = options.serial;
  if (!options.certificate_path.empty()) {
    const absl::StatusOr<std::string> pem = ReadSmallFile(options.certificate_path);
    if (!pem.ok()) return pem.status();
    const absl::StatusOr<CertificateFacts> facts = ReadFacts(*pem);
    if (!facts.ok()) return facts.status();
    serial = facts->serial;
  }
  const absl::Status done =
      serial.empty() ? authority->RenewCrl(now_s) : authority->Revoke(serial, now_s);
  if (!done.ok()) return done;
  return fmt::format(
      "{}Wrote revocation list {} of {}: {}/crl.pem\nnext: copy it as roots/{}.crl to the nodes\n",
      serial.empty() ? std::string() : fmt::format("Revoked serial {}.\n", serial),
      authority->crl_number(), authority->country(), options.folder, authority->country());
}

absl::StatusOr<std::string> RunAuthorityShow(const AuthorityShowOptions& options,
                                             std::int64_t now_s) {
  if (options.folder.empty() == options.certificate_path.empty()) {
    return BadOptions("Either an authority or a certificate can be shown",
                      "Use either --dir DIR or --cert FILE");
  }
  if (!options.certificate_path.empty()) {
    const absl::StatusOr<std::string> pem = ReadSmallFile(options.certificate_path);
    if (!pem.ok()) return pem.status();
    const absl::StatusOr<CertificateFacts> facts = ReadFacts(*pem);
    if (!facts.ok()) return facts.status();
    return Describe(*facts, now_s);
  }
  const absl::StatusOr<Authority> authority = Authority::Open(options.folder);
  if (!authority.ok()) return authority.status();
  std::string text =
      fmt::format("authority  {}\nvalid      until {} ({} days left)\nlist       number {}\n\n",
                  authority->country(), UtcText(authority->root_not_after_s()),
                  DaysLeft(authority->root_not_after_s(), now_s), authority->crl_number());
  for (const IssuedRow& row : authority->rows()) {
    const std::string state = row.revoke_time_s.has_value()
                                  ? "revoked " + UtcText(*row.revoke_time_s)
                              : now_s > row.not_after_s ? std::string("expired")
                                                        : std::string("valid");
    text += fmt::format("{}  {:<8} until {}  {:<30}  {}\n", row.serial, row.kind,
                        UtcText(row.not_after_s), state, row.uri);
  }
  return text;
}

}  // namespace tripoint::certs
