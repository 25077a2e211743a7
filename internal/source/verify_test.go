package source

import (
	"bytes"
	"crypto/rand"
	"crypto/sha512"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"golang.org/x/crypto/ssh"

	"github.com/fixpoint-cd/fixpoint/internal/gitserver"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// signer signs the payload of an object.
type signer func(payload []byte) string

// gpgKey makes a key that is a day old and its armoured public half.
func gpgKey(t *testing.T, name string) (signer, string) {
	t.Helper()
	config := &packet.Config{Algorithm: packet.PubKeyAlgoEdDSA, Time: func() time.Time { return time.Now().Add(-24 * time.Hour) }}
	e, err := openpgp.NewEntity(name, "", name+"@example.com", config)
	if err != nil {
		t.Fatal(err)
	}
	var public bytes.Buffer
	w, err := armor.Encode(&public, openpgp.PublicKeyType, nil)
	if err == nil {
		err = errors.Join(e.Serialize(w), w.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	return func(payload []byte) string {
		var b bytes.Buffer
		if err := openpgp.ArmoredDetachSign(&b, e, bytes.NewReader(payload), nil); err != nil {
			t.Fatal(err)
		}
		return b.String() + "\n"
	}, public.String()
}

// sshSigner makes an SSH key that signs for git, and its line.
func sshSigner(t *testing.T) (signer, string) {
	t.Helper()
	s, err := ssh.ParsePrivateKey([]byte(sshKey(t, "").pem))
	if err != nil {
		t.Fatal(err)
	}
	return func(payload []byte) string {
		sum := sha512.Sum512(payload)
		sig, err := s.Sign(rand.Reader, append([]byte("SSHSIG"), ssh.Marshal(struct {
			Namespace, Reserved, Hash string
			Sum                       []byte
		}{"git", "", "sha512", sum[:]})...))
		if err != nil {
			t.Fatal(err)
		}
		blob := append([]byte("SSHSIG\x00\x00\x00\x01"), ssh.Marshal(struct {
			Key                       []byte
			Namespace, Reserved, Hash string
			Signature                 []byte
		}{s.PublicKey().Marshal(), "git", "", "sha512", ssh.Marshal(sig)})...)
		return string(pem.EncodeToMemory(&pem.Block{Type: "SSH SIGNATURE", Bytes: blob}))
	}, string(ssh.MarshalAuthorizedKey(s.PublicKey()))
}

// signedCommit puts a signed commit onto main.
func signedCommit(t *testing.T, git *gitserver.Server, data string, sign signer) string {
	t.Helper()
	id := commit(t, git, "main", map[string]*string{"f": text(data)})
	raw, err := git.Object(t.Context(), "app", "commit", id)
	if err != nil {
		t.Fatal(err)
	}
	head, message, _ := strings.Cut(string(raw), "\n\n")
	signature := strings.ReplaceAll(strings.TrimSuffix(sign(raw), "\n"), "\n", "\n ")
	id, err = git.Write(t.Context(), "app", "commit", []byte(head+"\ngpgsig "+signature+"\n\n"+message))
	if err == nil {
		err = git.SetRef(t.Context(), "app", "refs/heads/main", id)
	}
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// signedTag makes a tag object that says it is called name, and puts it at ref.
func signedTag(t *testing.T, git *gitserver.Server, ref, name, commit string, sign signer) {
	t.Helper()
	raw := fmt.Sprintf("object %s\ntype commit\ntag %s\ntagger A <a@example.com> 1 +0000\n\nrelease\n", commit, name)
	if sign != nil {
		raw += sign([]byte(raw))
	}
	id, err := git.Write(t.Context(), "app", "tag", []byte(raw))
	if err == nil {
		err = git.SetRef(t.Context(), "app", "refs/tags/"+ref, id)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestVerifyCommit(t *testing.T) {
	git := server(t)
	ann, annKey := gpgKey(t, "Ann")
	_, bobKey := gpgKey(t, "Bob")
	cat, catKey := sshSigner(t)
	dir := t.TempDir()
	r := store(t, Config{Dir: dir}).run(t)
	src := model.Source{URL: git.URL("app"), Ref: model.Ref{Branch: "main"}, Verify: &model.Verify{Commit: true, GPG: []string{"nonsense", annKey}, SSH: []string{catKey}}}
	unsigned := commit(t, git, "main", map[string]*string{"f": text("0")})
	r.Set("app", src)
	if st := r.bad(t, "app", model.ErrUnverified); st.Snapshot != nil || !strings.Contains(st.Err.Error(), unsigned) || !strings.Contains(st.Err.Error(), "not signed") {
		t.Fatalf("an unsigned commit: %+v", st)
	}
	first := signedCommit(t, git, "1", ann)
	if snap := r.good(t, "app"); snap.Revision != first || !strings.Contains(snap.Verified, "GPG key") || !strings.Contains(snap.Verified, "Ann") {
		t.Fatalf("got %+v", snap)
	}
	// The last good one stays.
	commit(t, git, "main", map[string]*string{"f": text("2")})
	if st := r.bad(t, "app", model.ErrUnverified); st.Snapshot == nil || st.Snapshot.Revision != first || read(t, st.Snapshot, "f") != "1" {
		t.Errorf("after an unsigned commit: %+v", st)
	}
	r.stop()
	again := store(t, Config{Dir: dir}).run(t)
	again.Set("app", src)
	if st := again.bad(t, "app", model.ErrUnverified); st.Snapshot == nil || st.Snapshot.Revision != first || !strings.Contains(st.Snapshot.Verified, "Ann") {
		t.Errorf("after a restart: %+v", st)
	}
	second := signedCommit(t, git, "3", cat)
	if snap := again.good(t, "app"); snap.Revision != second || !strings.Contains(snap.Verified, "SSH key SHA256:") {
		t.Errorf("got %+v", snap)
	}
	// With other keys nothing that they do not verify is left.
	src.Verify = &model.Verify{Commit: true, GPG: []string{bobKey}}
	again.Set("app", src)
	if st, _ := again.State("app"); st.Snapshot != nil {
		t.Errorf("content stays although its key is trusted no more: %+v", st)
	}
	if st := again.bad(t, "app", model.ErrUnverified); st.Snapshot != nil || !strings.Contains(st.Err.Error(), "not among the trusted keys") {
		t.Errorf("by another key: %+v", st)
	}
	// One that the new keys verify too comes back.
	commit(t, git, "main", map[string]*string{"f": text("4")})
	src.Verify = &model.Verify{Commit: true, GPG: []string{bobKey}, SSH: []string{catKey}}
	again.Set("app", src)
	if st := again.bad(t, "app", model.ErrUnverified); st.Snapshot == nil || st.Snapshot.Revision != second {
		t.Errorf("by a key that is trusted again: %+v", st)
	}
	git.Stop()
	src.Verify = &model.Verify{Commit: true, SSH: []string{catKey}}
	again.Set("app", src)
	if st := again.bad(t, "app", model.ErrTransient); st.Snapshot == nil || st.Snapshot.Revision != second || st.Snapshot.Verified == "" {
		t.Errorf("without the server: %+v", st)
	}
	again.Set("none", model.Source{URL: git.URL("app"), Ref: src.Ref, Verify: &model.Verify{Commit: true}})
	if st := again.bad(t, "none", model.ErrTransient); st.Snapshot != nil {
		t.Errorf("without a key: %+v", st.Snapshot)
	}
}

func TestVerifyTag(t *testing.T) {
	git := server(t)
	ann, annKey := gpgKey(t, "Ann")
	bob, _ := gpgKey(t, "Bob")
	old := commit(t, git, "main", map[string]*string{"f": text("old")})
	plain := commit(t, git, "main", map[string]*string{"f": text("plain")})
	signed := signedCommit(t, git, "signed", ann)
	signedTag(t, git, "v1", "v1", plain, ann)
	signedTag(t, git, "both", "both", signed, ann)
	signedTag(t, git, "bob", "bob", plain, bob)
	signedTag(t, git, "bare", "bare", plain, nil)
	signedTag(t, git, "replayed", "v0.9", old, ann)
	if err := git.SetRef(t.Context(), "app", "refs/tags/light", signed); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		ref         model.Ref
		commit, tag bool
		want        string
		who, saying string
	}{
		"tag":               {ref: model.Ref{Tag: "v1"}, tag: true, want: plain, who: "tag signed with GPG key"},
		"by its full name":  {ref: model.Ref{Name: "refs/tags/v1"}, tag: true, want: plain},
		"by a range":        {ref: model.Ref{SemVer: "1.x"}, tag: true, want: plain},
		"both":              {ref: model.Ref{Tag: "both"}, tag: true, commit: true, want: signed, who: ", commit signed with"},
		"only the tag":      {ref: model.Ref{Tag: "v1"}, tag: true, commit: true, saying: "commit " + plain + ": it is not signed"},
		"commit of a tag":   {ref: model.Ref{Tag: "light"}, commit: true, want: signed},
		"light":             {ref: model.Ref{Tag: "light"}, tag: true, saying: "no annotated tag"},
		"a branch":          {ref: model.Ref{Branch: "main"}, tag: true, saying: "no annotated tag"},
		"a commit":          {ref: model.Ref{Commit: plain}, tag: true, saying: "no annotated tag"},
		"another's":         {ref: model.Ref{Tag: "bob"}, tag: true, saying: "not among the trusted keys"},
		"unsigned":          {ref: model.Ref{Tag: "bare"}, tag: true, saying: "not signed"},
		"an old one moved":  {ref: model.Ref{Tag: "replayed"}, tag: true, saying: `under the name "v0.9"`},
		"neither is commit": {ref: model.Ref{Tag: "v1"}, saying: "commit " + plain + ": it is not signed"},
	}
	r := store(t, Config{}).run(t)
	for name, c := range cases {
		key := model.SourceKey(name)
		r.Set(key, model.Source{URL: git.URL("app"), Ref: c.ref, Verify: &model.Verify{Commit: c.commit, Tag: c.tag, GPG: []string{annKey}}})
		if c.saying != "" {
			if st := r.bad(t, key, model.ErrUnverified); st.Snapshot != nil || !strings.Contains(st.Err.Error(), c.saying) {
				t.Errorf("%s: error %v, want one that says %q", name, st.Err, c.saying)
			}
			continue
		}
		if snap := r.good(t, key); snap.Revision != c.want || !strings.Contains(snap.Verified, c.who) {
			t.Errorf("%s: %+v", name, snap)
		}
	}
	// Another subscription of the same tags without verification changes nothing.
	r.Set("plain", model.Source{URL: git.URL("app"), Ref: model.Ref{Tag: "bare"}})
	if snap := r.good(t, "plain"); snap.Verified != "" || snap.Revision != plain {
		t.Errorf("got %+v", snap)
	}
}
