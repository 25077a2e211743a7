package fetch

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"sigs.k8s.io/yaml"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/source/archive"
)

// VersionOfChart is the version in the Chart.yaml of a chart.
func VersionOfChart(tree *archive.Tree) (string, error) {
	text, err := tree.ReadFile("Chart.yaml")
	if errors.Is(err, fs.ErrNotExist) {
		return "", model.Invalidf("the archive is no Helm chart: it has no Chart.yaml")
	}
	if err != nil {
		return "", err
	}
	var chart struct {
		Version string `json:"version"`
	}
	if len(text) > 1<<20 {
		return "", model.Invalidf("Chart.yaml is larger than 1 MiB")
	}
	if err := yaml.Unmarshal(text, &chart); err != nil {
		return "", model.Invalidf("Chart.yaml can't be read: %w", err)
	}
	if chart.Version == "" {
		return "", model.Invalidf("Chart.yaml has no version")
	}
	return chart.Version, nil
}

// VerifyChart checks a provenance file, as helm package --sign makes it, with
// armoured public keys: one of them has to have signed that the chart's archive
// has the digest. file is the archive's name; "" accepts any. It returns who
// signed. Everything that is not in order is model.ErrDenied.
func VerifyChart(keys []string, provenance []byte, digest, file string) (string, error) {
	signer, err := verifyChart(keys, provenance, digest, file)
	if err != nil {
		return "", model.As(model.ErrDenied, fmt.Errorf("the provenance of the chart can't be verified: %w", err))
	}
	return signer, nil
}

func verifyChart(keys []string, provenance []byte, digest, file string) (string, error) {
	ring, err := keyring(keys)
	if err != nil {
		return "", err
	}
	block, _ := clearsign.Decode(provenance)
	if block == nil {
		return "", errors.New("it is no text with an OpenPGP signature")
	}
	by, err := block.VerifySignature(ring, nil)
	if err != nil {
		return "", fmt.Errorf("no key of the configured ones has signed it: %w", err)
	}
	// Two YAML documents: the chart's metadata and the sums.
	_, sums, ok := strings.Cut(string(block.Plaintext), "\n...\n")
	var signed struct {
		Files map[string]string `json:"files"`
	}
	if !ok || yaml.Unmarshal([]byte(sums), &signed) != nil {
		return "", errors.New("what was signed holds no digests of files")
	}
	if file != "" {
		if signed.Files[file] != digest {
			return "", fmt.Errorf("%s has the digest %s, and %q was signed", file, digest, signed.Files[file])
		}
	} else if !slices.Contains(slices.Collect(maps.Values(signed.Files)), digest) {
		return "", fmt.Errorf("the archive has the digest %s, which was not signed", digest)
	}
	return signerOf(by), nil
}

// keyring reads the keys. One that can't be read is passed over while there are
// others, so that it does not stop what they have signed.
func keyring(keys []string) (openpgp.EntityList, error) {
	var ring openpgp.EntityList
	var first error
	for _, key := range keys {
		list, err := openpgp.ReadArmoredKeyRing(strings.NewReader(key))
		if err != nil && first == nil {
			first = errors.New("a configured key is no armoured OpenPGP public key")
		}
		ring = append(ring, list...)
	}
	if len(ring) == 0 && first == nil {
		first = errors.New("no key is configured")
	}
	if len(ring) > 0 {
		return ring, nil
	}
	return nil, first
}

func signerOf(e *openpgp.Entity) string {
	id := e.PrimaryKey.KeyIdString()
	if identity := e.PrimaryIdentity(); identity != nil {
		return identity.Name + " (" + id + ")"
	}
	return id
}
