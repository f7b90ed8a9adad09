// See sealed_box.h.
#include "certs/sealed_box.h"

#include <openssl/cms.h>

#include <memory>

#include "certs/certificate.h"
#include "certs/openssl.h"
#include "proto/contract/error.h"

namespace tripoint::certs {
namespace {

using contract::Error;
using contract::Reason;
using CmsPtr = std::unique_ptr<CMS_ContentInfo, Freer<CMS_ContentInfo_free>>;
using StackPtr =
    std::unique_ptr<STACK_OF(X509), decltype([](STACK_OF(X509) * stack) { sk_X509_free(stack); })>;

absl::Status CannotEncrypt() {
  return Error(absl::StatusCode::kInternal, Reason::kInternal, "Encryption failed",
               TakeOpensslError(), "Report this with the version of the node");
}

}  // namespace

absl::StatusOr<std::string> EncryptTo(std::string_view certificate_pem, std::string_view plain) {
  const absl::StatusOr<X509Ptr> certificate = ParseLeaf(certificate_pem);
  if (!certificate.ok()) return certificate.status();
  if (EVP_PKEY_get_id(X509_get0_pubkey(certificate->get())) != EVP_PKEY_EC) {
    return Error(absl::StatusCode::kInvalidArgument, Reason::kCertificateMalformed,
                 "Nothing can be encrypted to this certificate",
                 "Its key is no P-256 key; a signing certificate only signs",
                 "Use the unit's transport certificate, tls.pem");
  }
  const StackPtr recipients(sk_X509_new_null());
  const BioPtr input = ReadBio(plain);
  const BioPtr output = MemoryBio();
  if (recipients == nullptr || input == nullptr || output == nullptr ||
      sk_X509_push(recipients.get(), certificate->get()) <= 0) {
    return CannotEncrypt();
  }
  const CmsPtr cms(CMS_encrypt(recipients.get(), input.get(), EVP_aes_256_gcm(), CMS_BINARY));
  if (cms == nullptr || i2d_CMS_bio(output.get(), cms.get()) != 1) return CannotEncrypt();
  return TextOf(output.get());
}

absl::StatusOr<std::string> Decrypt(std::string_view certificate_pem, std::string_view key_pem,
                                    std::string_view box) {
  const BioPtr input = ReadBio(box);
  const CmsPtr cms(
      box.size() > kBoxBytesMax || input == nullptr ? nullptr : d2i_CMS_bio(input.get(), nullptr));
  // The key is read for what is a box: that takes longer than all the rest.
  if (cms != nullptr &&
      OBJ_obj2nid(CMS_get0_type(cms.get())) == NID_id_smime_ct_authEnvelopedData) {
    const absl::StatusOr<X509Ptr> certificate = ParseLeaf(certificate_pem);
    if (!certificate.ok()) return certificate.status();
    const KeyPtr key = ReadPrivateKey(key_pem);
    const BioPtr output = MemoryBio();
    if (key != nullptr && output != nullptr &&
        CMS_decrypt(cms.get(), key.get(), certificate->get(), nullptr, output.get(), CMS_BINARY) ==
            1) {
      return TextOf(output.get());
    }
  }
  (void)TakeOpensslError();
  return Error(absl::StatusCode::kDataLoss, Reason::kBundleInvalid,
               "The bundle cannot be decrypted",
               "It was encrypted to another certificate than the one in use here, or altered",
               "Give the sender the present tls.pem of this node, and have the bundle made again");
}

}  // namespace tripoint::certs
