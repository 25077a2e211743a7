package signed

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha512"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func at(t time.Time) *packet.Config {
	return &packet.Config{Time: func() time.Time { return t }, Algorithm: packet.PubKeyAlgoEdDSA}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func entity(name string, made time.Time, life time.Duration) *openpgp.Entity {
	c := at(made)
	c.KeyLifetimeSecs = uint32(life.Seconds())
	return must(openpgp.NewEntity(name, "", name+"@example.com", c))
}

func armored(e *openpgp.Entity) string {
	var b bytes.Buffer
	w := must(armor.Encode(&b, openpgp.PublicKeyType, nil))
	if err := errors.Join(e.Serialize(w), w.Close()); err != nil {
		panic(err)
	}
	return b.String()
}

func sign(e *openpgp.Entity, when time.Time, payload string) string {
	var b bytes.Buffer
	if err := openpgp.ArmoredDetachSign(&b, e, strings.NewReader(payload), at(when)); err != nil {
		panic(err)
	}
	return b.String() + "\n"
}

const (
	body = "tree 1111111111111111111111111111111111111111\nauthor A <a@example.com> 1 +0000\ncommitter A <a@example.com> 1 +0000\n"
	text = "\nsubject\n\ntext\n"
)

// commit puts a signature into a commit as git does.
func commit(signature string) []byte {
	if signature == "" {
		return []byte(body + text)
	}
	return []byte(body + "gpgsig " + strings.ReplaceAll(strings.TrimSuffix(signature, "\n"), "\n", "\n ") + "\n" + text)
}

func TestGPG(t *testing.T) {
	day := 24 * time.Hour
	ann := entity("Ann", now.Add(-10*day), 0)
	bob := entity("Bob", now.Add(-10*day), 0)
	short := entity("Short", now.Add(-10*day), 5*day)
	revoked := entity("Revoked", now.Add(-10*day), 0)
	revokedPublic := func() string {
		if err := revoked.RevokeKey(packet.KeyRetired, "lost", at(now.Add(-day))); err != nil {
			t.Fatal(err)
		}
		return armored(revoked)
	}
	sub := entity("Sub", now.Add(-10*day), 0)
	if err := sub.AddSigningSubkey(at(now.Add(-9 * day))); err != nil {
		t.Fatal(err)
	}
	lostSub := entity("LostSub", now.Add(-10*day), 0)
	if err := lostSub.AddSigningSubkey(at(now.Add(-9 * day))); err != nil {
		t.Fatal(err)
	}
	payload := string(must(Commit(commit(""))).Payload)
	lostSubSigned := sign(lostSub, now.Add(-2*day), payload)
	for i := range lostSub.Subkeys {
		if lostSub.Subkeys[i].PublicKey.PubKeyAlgo.CanSign() {
			if err := lostSub.RevokeSubkey(&lostSub.Subkeys[i], packet.KeyCompromised, "stolen", at(now.Add(-day))); err != nil {
				t.Fatal(err)
			}
		}
	}
	revokedSigned := sign(revoked, now.Add(-2*day), payload)
	good := sign(ann, now.Add(-day), payload)
	garbage := "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nbm9uc2Vuc2U=\n-----END PGP PUBLIC KEY BLOCK-----\n"
	cases := map[string]struct {
		signature string
		keys      []string
		change    func(string) string
		who       string
		saying    string
	}{
		"good":                      {signature: good, keys: []string{armored(ann)}, who: "Ann"},
		"one of several":            {signature: good, keys: []string{armored(bob), armored(ann)}, who: "Ann"},
		"several in one file":       {signature: good, keys: []string{armored(bob) + "\n" + armored(ann)}, who: "Ann"},
		"malformed before the good": {signature: good, keys: []string{garbage, armored(ann)}, who: "Ann"},
		"malformed in one file":     {signature: good, keys: []string{garbage + "\n" + armored(ann)}, who: "Ann"},
		"a subkey":                  {signature: sign(sub, now.Add(-day), payload), keys: []string{armored(sub)}, who: "Sub"},
		"malformed alone":           {signature: good, keys: []string{garbage}, saying: "GPG keyring 1 can't be read"},
		"malformed and another":     {signature: good, keys: []string{"nonsense", armored(bob)}, saying: "GPG keyring 1 can't be read"},
		"not signed":                {keys: []string{armored(ann)}, saying: "not signed"},
		"no keys":                   {signature: good, saying: "no key"},
		"another's":                 {signature: good, keys: []string{armored(bob)}, saying: "not among the trusted keys"},
		"expired":                   {signature: sign(short, now.Add(-9*day), payload), keys: []string{armored(short)}, saying: "has expired"},
		"revoked":                   {signature: revokedSigned, keys: []string{revokedPublic()}, saying: "revoked"},
		"revoked subkey":            {signature: lostSubSigned, keys: []string{armored(lostSub)}, saying: "revoked"},
		"other content":             {signature: sign(ann, now.Add(-day), payload+"x"), keys: []string{armored(ann)}, saying: "does not fit"},
		"changed":                   {signature: good, keys: []string{armored(ann)}, change: func(c string) string { return strings.Replace(c, "subject", "Subject", 1) }, saying: "does not fit"},
		"cut":                       {signature: good[:80], keys: []string{armored(ann)}, saying: "can't be read"},
		"X.509":                     {signature: "-----BEGIN SIGNED MESSAGE-----\nxx\n-----END SIGNED MESSAGE-----", keys: []string{armored(ann)}, saying: "not supported"},
		"two signatures":            {signature: good + "gpgsig x", keys: []string{armored(ann)}, change: func(c string) string { return strings.Replace(c, "\n gpgsig x", "\ngpgsig x", 1) }, saying: "several"},
	}
	for name, c := range cases {
		data := string(commit(c.signature))
		if c.change != nil {
			data = c.change(data)
		}
		o, err := Commit([]byte(data))
		who := ""
		if err == nil {
			who, err = Read(c.keys, nil).Verify(o, now)
		}
		check(t, name, who, err, c.who, c.saying)
	}
}

func check(t *testing.T, name, who string, err error, want, saying string) {
	t.Helper()
	if saying == "" {
		if err != nil || !strings.Contains(who, want) {
			t.Errorf("%s: %q, %v, want %q", name, who, err, want)
		}
		return
	}
	if who != "" || !errors.Is(err, model.ErrUnverified) || !errors.Is(err, model.ErrDenied) || !strings.Contains(err.Error(), saying) {
		t.Errorf("%s: %q, error %v, want one that says %q", name, who, err, saying)
	}
}

func TestTag(t *testing.T) {
	ann := entity("Ann", now.Add(-time.Hour), 0)
	payload := "object 1111111111111111111111111111111111111111\ntype commit\ntag v1\ntagger A <a@example.com> 1 +0000\n\ntext\n"
	o, err := Tag([]byte(payload + sign(ann, now, payload)))
	if err != nil {
		t.Fatal(err)
	}
	if o.Name != "v1" || o.Type != "commit" || o.Target != strings.Repeat("1", 40) || string(o.Payload) != payload {
		t.Errorf("got %+v", o)
	}
	if who, err := Read([]string{armored(ann)}, nil).Verify(o, now); err != nil || !strings.Contains(who, "Ann") {
		t.Errorf("%q, %v", who, err)
	}
	if o, err = Tag([]byte(payload)); err != nil || o.Signature != "" {
		t.Errorf("a tag without a signature: %+v, %v", o, err)
	}
	if _, err := Tag([]byte("object 1\nobject 2\n\n")); !errors.Is(err, model.ErrUnverified) {
		t.Errorf("two objects: %v", err)
	}
}

// seal signs as ssh-keygen -Y sign does.
func seal(s ssh.Signer, space, algorithm, payload string) string {
	sum := sha512.Sum512([]byte(payload))
	message := append([]byte(sshMagic), ssh.Marshal(struct {
		Namespace, Reserved, Hash string
		Sum                       []byte
	}{space, "", "sha512", sum[:]})...)
	signature := must(s.Sign(rand.Reader, message))
	if a, ok := s.(ssh.AlgorithmSigner); ok && algorithm != "" {
		signature = must(a.SignWithAlgorithm(rand.Reader, message, algorithm))
	}
	block := append([]byte(sshMagic), ssh.Marshal(sshSignature{
		Version: 1, Key: s.PublicKey().Marshal(), Namespace: space, Hash: "sha512", Signature: ssh.Marshal(signature),
	})...)
	return string(pem.EncodeToMemory(&pem.Block{Type: "SSH SIGNATURE", Bytes: block}))
}

func TestSSH(t *testing.T) {
	signer := func(key crypto.PrivateKey, err error) ssh.Signer { return must(ssh.NewSignerFromKey(must(key, err))) }
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	ed := signer(edKey, err)
	_, otherKey, err := ed25519.GenerateKey(rand.Reader)
	other := signer(otherKey, err)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	big := signer(rsaKey, err)
	t.Setenv("GODEBUG", "rsa1024min=0")
	weakKey, err := rsa.GenerateKey(rand.Reader, 1024)
	weak := signer(weakKey, err)
	line := func(s ssh.Signer, comment string) string {
		return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(s.PublicKey()))) + " " + comment + "\n"
	}
	payload := string(must(Commit(commit(""))).Payload)
	good := seal(ed, "git", "", payload)
	cases := map[string]struct {
		signature   string
		keys        []string
		who, saying string
	}{
		"good":                {signature: good, keys: []string{line(ed, "ann@example.com")}, who: "ann@example.com"},
		"second line":         {signature: good, keys: []string{"# people\n" + line(other, "bob") + line(ed, "ann")}, who: "ann"},
		"after a broken one":  {signature: good, keys: []string{"ssh-ed25519 nonsense\n", line(ed, "ann")}, who: ssh.FingerprintSHA256(ed.PublicKey())},
		"RSA":                 {signature: seal(big, "git", ssh.KeyAlgoRSASHA512, payload), keys: []string{line(big, "big")}, who: "big"},
		"RSA with SHA-1":      {signature: seal(big, "git", ssh.KeyAlgoRSA, payload), keys: []string{line(big, "big")}, saying: "SHA-1"},
		"weak RSA":            {signature: seal(weak, "git", ssh.KeyAlgoRSASHA512, payload), keys: []string{line(weak, "weak"), line(ed, "ann")}, saying: "2048"},
		"another's":           {signature: good, keys: []string{line(other, "bob")}, saying: "not among the trusted keys"},
		"another's, a broken": {signature: good, keys: []string{"nonsense", line(other, "bob")}, saying: "SSH key file 1 can't be used"},
		"for a file":          {signature: seal(ed, "file", "", payload), keys: []string{line(ed, "ann")}, saying: `made for "file"`},
		"other content":       {signature: seal(ed, "git", "", payload+"x"), keys: []string{line(ed, "ann")}, saying: "does not fit"},
		"not signed":          {keys: []string{line(ed, "ann")}, saying: "not signed"},
		"no keys":             {signature: good, keys: []string{"# none"}, saying: "no key"},
		"damaged":             {signature: strings.Replace(good, "SSH SIGNATURE-----\n", "SSH SIGNATURE-----\n!!", 1), keys: []string{line(ed, "ann")}, saying: "can't be read"},
	}
	for name, c := range cases {
		o, err := Commit(commit(c.signature))
		who := ""
		if err == nil {
			who, err = Read(nil, c.keys).Verify(o, now)
		}
		check(t, name, who, err, c.who, c.saying)
	}
}

// What git and ssh-keygen, and git and gpg, sign.
func TestSignedByTheCommands(t *testing.T) {
	dir := t.TempDir()
	run := func(name string, args ...string) string {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Dir = dir
		cmd.Env = []string{
			"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "GNUPGHOME=" + dir, "GIT_CONFIG_NOSYSTEM=1",
			"GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=A", "GIT_COMMITTER_EMAIL=a@example.com",
		}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %v: %v\n%s", name, args, err, out)
		}
		return string(out)
	}
	signing := map[string]func() (keys Keys, config []string, who string){
		"ssh-keygen": func() (Keys, []string, string) {
			key := filepath.Join(dir, "id")
			run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "ann", "-f", key)
			public := string(must(os.ReadFile(key + ".pub")))
			return Read(nil, []string{public}), []string{"gpg.format=ssh", "user.signingKey=" + key}, "(ann)"
		},
		"gpg": func() (Keys, []string, string) {
			run("gpg", "--batch", "--quiet", "--passphrase", "", "--quick-generate-key", "Ann <ann@example.com>", "ed25519", "sign", "never")
			t.Cleanup(func() { run("gpgconf", "--kill", "gpg-agent") })
			return Read([]string{run("gpg", "--armor", "--export", "ann@example.com")}, nil), []string{"user.signingKey=ann@example.com"}, "Ann <ann@example.com>"
		},
	}
	run("git", "init", "--quiet", ".")
	for program, prepare := range signing {
		if _, err := exec.LookPath(program); err != nil {
			t.Logf("%s is not installed", program)
			continue
		}
		keys, config, want := prepare()
		var args []string
		for _, c := range config {
			args = append(args, "-c", c)
		}
		run("git", append(args, "commit", "--quiet", "--allow-empty", "-S", "-m", program)...)
		run("git", append(args, "tag", "-s", "-m", "a release\n\nwith text", program)...)
		for object, parse := range map[string]func([]byte) (Object, error){"commit": Commit, "tag": Tag} {
			name := "HEAD"
			if object == "tag" {
				name = program
			}
			o, err := parse([]byte(run("git", "cat-file", object, name)))
			if err != nil {
				t.Fatal(err)
			}
			who, err := keys.Verify(o, time.Now())
			if err != nil || !strings.Contains(who, want) {
				t.Errorf("%s of %s: %q, %v, want %q", object, program, who, err, want)
			}
			o.Payload = append(o.Payload, '\n')
			if who, err := keys.Verify(o, time.Now()); err == nil {
				t.Errorf("changed %s of %s: %q", object, program, who)
			}
		}
	}
}

func TestCommitPayload(t *testing.T) {
	data := body + "gpgsig -----BEGIN X\n a\n \n b\ngpgsig-sha256 -----BEGIN\n other\nencoding UTF-8\n" + text
	o, err := Commit([]byte(data))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(body+"encoding UTF-8\n"+text, string(o.Payload)); diff != "" {
		t.Errorf("payload (-want +got):\n%s", diff)
	}
	if want := "-----BEGIN X\na\n\nb\n"; o.Signature != want {
		t.Errorf("signature %q, want %q", o.Signature, want)
	}
}

func FuzzObjects(f *testing.F) {
	f.Add([]byte(body+text), sshBegin+"\nxx\n-----END SSH SIGNATURE-----")
	f.Add(commit("x\ny\n"), "-----BEGIN PGP SIGNATURE-----\n\nxx\n-----END PGP SIGNATURE-----")
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	signer := must(ssh.NewSignerFromKey(key))
	keys := Read([]string{armored(entity("A", now, 0))}, []string{string(ssh.MarshalAuthorizedKey(signer.PublicKey()))})
	f.Fuzz(func(t *testing.T, data []byte, signature string) {
		for _, parse := range []func([]byte) (Object, error){Commit, Tag} {
			o, err := parse(data)
			if err != nil {
				continue
			}
			if who, err := keys.Verify(o, now); err == nil {
				t.Errorf("%q is signed by %s", data, who)
			}
			o.Signature = signature
			if who, err := keys.Verify(o, now); err == nil {
				t.Errorf("%q is signed by %s", data, who)
			}
		}
	})
}
