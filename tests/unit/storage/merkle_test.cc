// RFC 9162 logs against published vectors and against a naive recomputation.
#include "storage/merkle.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace tripoint::storage {
namespace {

std::string FromHex(const std::string& text) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

// The test tree of the Certificate Transparency reference implementation, its published roots and
// proofs (github.com/google/certificate-transparency, cpp/merkletree/merkle_tree_test.cc; the same
// in github.com/transparency-dev/merkle, testonly). Nothing here was made by our code. There leaves
// are counted from 1, here from 0.
const std::vector<std::string> kLeaves = {"",
                                          "00",
                                          "10",
                                          "2021",
                                          "3031",
                                          "40414243",
                                          "5051525354555657",
                                          "606162636465666768696a6b6c6d6e6f"};
const std::vector<std::string> kRoots = {
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};

LeafReader ReferenceLeaves() {
  return [](std::uint64_t index) -> absl::StatusOr<Hash> {
    return LeafHash(FromHex(kLeaves.at(index)));
  };
}

LeafReader NumberedLeaves() {
  return
      [](std::uint64_t index) -> absl::StatusOr<Hash> { return LeafHash(std::to_string(index)); };
}

FrontierReader FrontiersOf(LeafReader read_leaf) {
  return [read_leaf](std::uint64_t size) -> absl::StatusOr<Frontier> {
    Frontier frontier;
    const absl::Status extended = ExtendFrontier(frontier, size, read_leaf);
    if (!extended.ok()) return extended;
    return frontier;
  };
}

Hash RootAt(std::uint64_t size, const LeafReader& read_leaf) {
  return FrontiersOf(read_leaf)(size)->Root();
}

absl::StatusOr<std::vector<Hash>> Inclusion(std::uint64_t index, std::uint64_t size,
                                            const LeafReader& read_leaf) {
  return InclusionProof(index, size, FrontiersOf(read_leaf), read_leaf);
}

absl::StatusOr<std::vector<Hash>> Consistency(std::uint64_t old_size, std::uint64_t new_size,
                                              const LeafReader& read_leaf) {
  return ConsistencyProof(old_size, new_size, FrontiersOf(read_leaf), read_leaf);
}

// Goal: our trees are the RFC's: the published roots come out at every size.
TEST(Merkle, ReferenceTreeGivesPublishedRoots) {
  Frontier frontier;
  EXPECT_EQ(HashText(frontier.Root()),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  for (std::size_t i = 0; i < kLeaves.size(); ++i) {
    frontier.Append(LeafHash(FromHex(kLeaves[i])));
    EXPECT_EQ(frontier.size(), i + 1);
    EXPECT_EQ(HashText(frontier.Root()), kRoots[i]);
    EXPECT_EQ(HashText(RootAt(i + 1, ReferenceLeaves())), kRoots[i]);
  }
}

// Goal: published inclusion and consistency proofs of the same tree come out, byte for byte.
TEST(Merkle, ReferenceTreeGivesPublishedProofs) {
  const auto text = [](const std::vector<Hash>& proof) {
    std::vector<std::string> lines;
    for (const Hash& hash : proof) lines.push_back(HashText(hash));
    return lines;
  };
  EXPECT_EQ(text(*Inclusion(0, 8, ReferenceLeaves())),
            (std::vector<std::string>{
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"}));
  EXPECT_EQ(text(*Inclusion(2, 3, ReferenceLeaves())),
            (std::vector<std::string>{
                "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"}));
  EXPECT_EQ(text(*Inclusion(1, 5, ReferenceLeaves())),
            (std::vector<std::string>{
                "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"}));
  EXPECT_TRUE(Inclusion(0, 1, ReferenceLeaves())->empty());
  EXPECT_EQ(text(*Inclusion(5, 8, ReferenceLeaves())),
            (std::vector<std::string>{
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"}));
  EXPECT_TRUE(Consistency(1, 1, ReferenceLeaves())->empty());
  EXPECT_EQ(text(*Consistency(1, 8, ReferenceLeaves())),
            (std::vector<std::string>{
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"}));
  EXPECT_EQ(text(*Consistency(2, 5, ReferenceLeaves())),
            (std::vector<std::string>{
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"}));
  EXPECT_EQ(text(*Consistency(6, 8, ReferenceLeaves())),
            (std::vector<std::string>{
                "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"}));
}

// Goal: every inclusion proof up to 40 leaves verifies, and no changed part of it does.
TEST(Merkle, InclusionProofsHoldAndBreakWhenTouched) {
  for (std::uint64_t size = 1; size <= 40; ++size) {
    const Hash root = RootAt(size, NumberedLeaves());
    for (std::uint64_t index = 0; index < size; ++index) {
      const Hash leaf = LeafHash(std::to_string(index));
      std::vector<Hash> proof = *Inclusion(index, size, NumberedLeaves());
      EXPECT_TRUE(VerifyInclusion(leaf, index, size, proof, root)) << index << " of " << size;
      EXPECT_FALSE(VerifyInclusion(LeafHash("other"), index, size, proof, root));
      EXPECT_FALSE(VerifyInclusion(leaf, size, size, proof, root));
      if (size > 1) {
        EXPECT_FALSE(VerifyInclusion(leaf, index == 0 ? 1 : index - 1, size, proof, root))
            << index << " of " << size;
        proof.back()[7] ^= 1;
        EXPECT_FALSE(VerifyInclusion(leaf, index, size, proof, root));
        proof.back()[7] ^= 1;
        proof.push_back(leaf);
        EXPECT_FALSE(VerifyInclusion(leaf, index, size, proof, root));
        proof.resize(proof.size() - 2);
        EXPECT_FALSE(VerifyInclusion(leaf, index, size, proof, root));
      }
    }
  }
  EXPECT_FALSE(Inclusion(3, 3, NumberedLeaves()).ok());
}

// Goal: every consistency proof up to 40 leaves verifies, and a fork or a changed proof does not.
TEST(Merkle, ConsistencyProofsHoldAndBreakWhenTouched) {
  for (std::uint64_t size = 1; size <= 40; ++size) {
    const Hash root = RootAt(size, NumberedLeaves());
    for (std::uint64_t old_size = 0; old_size <= size; ++old_size) {
      const Hash old_root = RootAt(old_size, NumberedLeaves());
      std::vector<Hash> proof = *Consistency(old_size, size, NumberedLeaves());
      EXPECT_TRUE(VerifyConsistency(old_size, size, old_root, root, proof))
          << old_size << " of " << size;
      Hash forked = old_root;
      forked[0] ^= 1;
      EXPECT_FALSE(VerifyConsistency(old_size, size, forked, root, proof))
          << old_size << " of " << size;
      if (old_size != 0 && old_size != size) {
        proof.back()[31] ^= 1;
        EXPECT_FALSE(VerifyConsistency(old_size, size, old_root, root, proof));
        proof.pop_back();
        EXPECT_FALSE(VerifyConsistency(old_size, size, old_root, root, proof));
      }
      EXPECT_FALSE(VerifyConsistency(size + 1, size, old_root, root, proof));
    }
  }
  EXPECT_FALSE(Consistency(4, 3, NumberedLeaves()).ok());
}

// Goal: a proof with anything where nothing belongs, or too much of it, proves nothing.
TEST(Merkle, ConsistencyProofsOfOtherLengthsAreRefused) {
  const auto root = [](std::uint64_t size) { return RootAt(size, NumberedLeaves()); };
  const Hash other = LeafHash("other");
  EXPECT_TRUE(VerifyConsistency(0, 5, root(0), root(5), {}));
  EXPECT_FALSE(VerifyConsistency(0, 5, root(0), root(5), {other}));
  EXPECT_FALSE(VerifyConsistency(0, 5, other, root(5), {}));
  EXPECT_TRUE(VerifyConsistency(5, 5, root(5), root(5), {}));
  EXPECT_FALSE(VerifyConsistency(5, 5, root(5), root(5), {other}));
  for (const std::uint64_t old_size : {3u, 4u, 6u, 7u}) {
    EXPECT_FALSE(VerifyConsistency(old_size, 8, root(old_size), root(8), {})) << old_size;
    std::vector<Hash> proof = *Consistency(old_size, 8, NumberedLeaves());
    EXPECT_TRUE(VerifyConsistency(old_size, 8, root(old_size), root(8), proof)) << old_size;
    for (int more = 0; more < 3; ++more) {
      proof.push_back(other);
      EXPECT_FALSE(VerifyConsistency(old_size, 8, root(old_size), root(8), proof)) << old_size;
    }
  }
}

// Goal: a proof of which a leaf or a frontier cannot be read is not made.
TEST(Merkle, ProofsThatCannotBeReadAreNotMade) {
  constexpr std::uint64_t kSize = 7;
  const absl::Status unreadable = absl::UnavailableError("unreadable");
  const auto fails_at = [&](int failing, bool consistency) {
    int reads = 0;
    const LeafReader leaf = [&](std::uint64_t position) -> absl::StatusOr<Hash> {
      if (reads++ == failing) return unreadable;
      return NumberedLeaves()(position);
    };
    const FrontierReader frontier = [&](std::uint64_t size) -> absl::StatusOr<Frontier> {
      if (reads++ == failing) return unreadable;
      Frontier whole;
      const absl::Status extended = ExtendFrontier(whole, size, NumberedLeaves());
      if (!extended.ok()) return extended;
      return whole;
    };
    const auto made = consistency ? ConsistencyProof(3, kSize, frontier, leaf)
                                  : InclusionProof(3, kSize, frontier, leaf);
    EXPECT_TRUE(made.ok() || made.status() == unreadable) << made.status();
    EXPECT_EQ(made.ok(), reads <= failing) << failing;
    return !made.ok();
  };
  for (const bool consistency : {false, true}) {
    int failing = 0;
    while (fails_at(failing, consistency)) ++failing;
    EXPECT_GE(failing, 6);
  }
}

// Goal: a longer history begins no shorter one.
TEST(Merkle, LongerFrontierBeginsNoShorterOne) {
  Frontier shorter;
  Frontier longer;
  for (int i = 0; i < 5; ++i) longer.Append(LeafHash("x"));
  for (int i = 0; i < 4; ++i) shorter.Append(LeafHash("x"));
  EXPECT_TRUE(shorter.MayBegin(longer));
  EXPECT_FALSE(longer.MayBegin(shorter));
  EXPECT_TRUE(longer.MayBegin(longer));
}

// Goal: a frontier survives its encoding and goes on to the same roots; a cut one is refused, never
// trusted.
TEST(Merkle, FrontierSurvivesEncoding) {
  Frontier frontier;
  for (std::uint64_t i = 0; i < 70; ++i) {
    const std::string bytes = frontier.Encode();
    auto decoded = Frontier::Decode(bytes);
    ASSERT_TRUE(decoded.ok());
    EXPECT_EQ(*decoded, frontier);
    EXPECT_FALSE(Frontier::Decode(bytes.substr(1)).ok());
    EXPECT_FALSE(Frontier::Decode(bytes + "x").ok());
    ASSERT_TRUE(ExtendFrontier(*decoded, i + 1, NumberedLeaves()).ok());
    frontier.Append(LeafHash(std::to_string(i)));
    EXPECT_EQ(decoded->Root(), frontier.Root());
  }
  EXPECT_FALSE(Frontier::Decode("").ok());
}

}  // namespace
}  // namespace tripoint::storage
