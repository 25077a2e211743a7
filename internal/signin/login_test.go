package signin_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/fixpoint-cd/fixpoint/internal/signin"
)

// TestLogin says who signs in with what.
func TestLogin(t *testing.T) {
	w := newWorld(t, signin.Config{})
	w.cm["accounts.off"], w.cm["accounts.off.enabled"] = "login", "false"
	w.secret["accounts.off.password"] = hash(t, password)
	w.secret["accounts.ci.password"] = hash(t, password)
	w.cm["accounts.new"] = "login"
	w.use()
	for _, tt := range []struct {
		name, password string
		want           error
	}{
		{"admin", password, nil},
		{"alice", password, nil},
		{"alice", "wrong", signin.ErrPassword},
		{"alice", "", signin.ErrPassword},
		{"Alice", password, signin.ErrPassword},
		{"mallory", password, signin.ErrPassword},
		{"", "", signin.ErrPassword},
		{"off", password, signin.ErrPassword},
		{"ci", password, signin.ErrPassword},
		{"new", password, signin.ErrPassword},
		{"new", "", signin.ErrPassword},
	} {
		session, err := w.service.Login(t.Context(), tt.name, tt.password, here+tt.name)
		if !errors.Is(err, tt.want) || err != nil && err.Error() != signin.ErrPassword.Error() {
			t.Errorf("%s with %q: %v, want %v", tt.name, tt.password, err, tt.want)
		}
		if err == nil && w.who(session.Token) != tt.name {
			t.Errorf("%s is %q", tt.name, w.who(session.Token))
		}
	}
}

// TestUnknownAccountsCostTheSame: a hash is compared for them, of the cost of others.
func TestUnknownAccountsCostTheSame(t *testing.T) {
	set, _ := signin.Read(map[string]string{"accounts.a": "login"}, map[string][]byte{
		"server.secretkey": []byte(key), "admin.password": hash(t, password),
		"accounts.a.password": []byte("$2a$07$" + strings.Repeat("a", 53)),
	}, "", nil, nil)
	decoy := signin.Decoy(&set)
	if cost, err := bcrypt.Cost(decoy); err != nil || cost != 7 {
		t.Errorf("the decoy's cost is %d, %v; want 7", cost, err)
	}
	if err := bcrypt.CompareHashAndPassword(decoy, []byte(password)); !errors.Is(err, bcrypt.ErrMismatchedHashAndPassword) {
		t.Errorf("comparing with the decoy: %v", err)
	}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, signin.Config{Hashes: 1})
		w.set("accounts.bob.enabled", "false")
		release := signin.Occupy(w.service)
		done := make(chan string, 3)
		for _, name := range []string{"eve", "bob", "ci"} {
			go func() {
				_, err := w.service.Login(t.Context(), name, password, here)
				done <- fmt.Sprintf("%s: %v", name, err)
			}()
		}
		synctest.Wait()
		if len(done) > 0 {
			t.Errorf("an attempt is over without a comparison: %s", <-done)
		}
		release()
		for range 3 {
			if got := <-done; !strings.HasSuffix(got, signin.ErrPassword.Error()) {
				t.Error(got)
			}
		}
	})
}

// TestSecurityAccountsCostTheSame: accounts whose hashes cost less than others' are
// refused at the same cost as those, and as names that are no account's.
func TestSecurityAccountsCostTheSame(t *testing.T) {
	w := newWorld(t, signin.Config{})
	costly, err := bcrypt.GenerateFromPassword([]byte(password), 7)
	if err != nil {
		t.Fatal(err)
	}
	w.secret["accounts.bob.password"] = costly
	w.use()
	work := 0
	signin.Compared(w.service, func(cost int) { work += 1 << cost })
	for _, name := range []string{"nobody", "admin", "bob", "alice", "ci", ""} {
		work = 0
		if _, err := w.service.Login(t.Context(), name, "wrong", here); !errors.Is(err, signin.ErrPassword) {
			t.Errorf("%s: %v", name, err)
		}
		if work != 1<<7 {
			t.Errorf("%q is refused after %d rounds, and not %d", name, work, 1<<7)
		}
	}
}

// TestLongPasswords: bcrypt looks at 72 bytes, we at all.
func TestLongPasswords(t *testing.T) {
	w := newWorld(t, signin.Config{})
	long := strings.Repeat("x", 72)
	w.secret["admin.password"] = hash(t, long)
	w.use()
	for n, ok := range map[int]bool{71: false, 72: true, 73: false, 100_000: false} {
		_, err := w.service.Login(t.Context(), "admin", strings.Repeat("x", n), here)
		if (err == nil) != ok || err != nil && !errors.Is(err, signin.ErrPassword) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

// fail is how many of n attempts from an address were compared and wrong.
func (w *world) fail(n int, name, from string) int {
	compared := 0
	for range n {
		if _, err := w.service.Login(w.t.Context(), name, "wrong", from); errors.Is(err, signin.ErrPassword) {
			compared++
		}
	}
	return compared
}

// TestFailuresWait: a few are free, then each has to wait twice as long.
func TestFailuresWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, signin.Config{})
		if got := w.fail(20, "admin", here); got != 5 {
			t.Fatalf("%d of 20 attempts at once were compared, want 5", got)
		}
		var waits []time.Duration
		for range 8 {
			_, err := w.service.Login(t.Context(), "admin", password, here)
			var busy signin.Busy
			if !errors.As(err, &busy) || !errors.Is(err, signin.ErrBusy) {
				t.Fatalf("after failures, with the password: %v; want to be told to wait", err)
			}
			waits = append(waits, busy.After)
			time.Sleep(busy.After)
			if got := w.fail(1, "admin", here); got != 1 {
				t.Fatalf("after %s an attempt is not compared", busy.After)
			}
		}
		for i := 1; i < 6; i++ {
			if waits[i] < waits[i-1]*3/2 {
				t.Errorf("waits %v don't grow", waits)
			}
		}
		time.Sleep(12 * time.Hour)
		w.login("admin")
	})
}

// TestLoginsFromElsewhereGoOn: who fails for admin locks nobody else out: not at another
// address, however many fail, nor in a known browser at the same address.
func TestLoginsFromElsewhereGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, signin.Config{})
		b := newBrowser(t, w)
		rec := httptest.NewRecorder()
		if err := w.service.LoginBrowser(rec, b.request(home), "admin", password, "203.0.113.9"); err != nil {
			t.Fatal(err)
		}
		b.take(rec)
		for i := range 200 {
			w.fail(10, "admin", fmt.Sprintf("198.51.100.%d", i))
			w.fail(10, "admin", "203.0.113.9")
		}
		if _, err := w.service.Login(t.Context(), "admin", password, "203.0.113.9"); !errors.Is(err, signin.ErrBusy) {
			t.Errorf("an unknown browser at an attacker's address: %v", err)
		}
		if err := w.service.LoginBrowser(httptest.NewRecorder(), b.request(home), "admin", password, "203.0.113.9"); err != nil {
			t.Errorf("a known browser at an attacker's address: %v", err)
		}
		start := time.Now()
		if _, err := w.service.Login(t.Context(), "admin", password, "192.0.2.200"); err != nil {
			t.Errorf("another address: %v", err)
		}
		if slow := time.Since(start); slow == 0 || slow > 5*time.Second {
			t.Errorf("an unknown address waits for %s, want a little", slow)
		}
		start = time.Now()
		if _, err := w.service.Login(t.Context(), "admin", password, "192.0.2.200"); err != nil || time.Since(start) > 0 {
			t.Errorf("an address that is known now waits for %s, %v", time.Since(start), err)
		}
		start = time.Now()
		if _, err := w.service.Login(t.Context(), "alice", password, "192.0.2.201"); err != nil || time.Since(start) > 0 {
			t.Errorf("another account waits for %s, %v", time.Since(start), err)
		}
	})
}

// TestManyNamesFromOneAddress: guessing names is limited as well, by network.
func TestManyNamesFromOneAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, signin.Config{})
		compared := 0
		for i := range 200 {
			compared += w.fail(1, fmt.Sprint("name", i), fmt.Sprintf("[2001:db8::%x]:1234", i+1))
		}
		if compared != 30 {
			t.Errorf("%d of 200 names were tried from one network, want 30", compared)
		}
		if compared := w.fail(1, "admin", "2001:db8:0:1::1"); compared != 1 {
			t.Error("the network beside it has to wait")
		}
	})
}

// TestThrottleIsNotForgotten, however many newcomers fail: neither failures of others nor
// successes of the attacker's own account set it back (CVE-2024-21652, 2024-21662).
func TestThrottleIsNotForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, signin.Config{})
		w.fail(20, "admin", here)
		for i := range 400 {
			w.fail(1, fmt.Sprint("name", i), fmt.Sprintf("10.%d.%d.1", i/256, i%256))
		}
		if compared := w.fail(20, "admin", here); compared != 0 {
			t.Errorf("%d attempts of the offender are compared", compared)
		}
		for range 10 {
			if _, err := w.service.Login(t.Context(), "bob", password, here); err != nil {
				t.Fatal(err)
			}
			if compared := w.fail(1, "admin", here); compared != 0 {
				t.Error("signing in to another account sets it back")
			}
		}
		if _, err := w.service.Login(t.Context(), "alice", password, "192.0.2.99"); err != nil {
			t.Errorf("somebody else, after all this: %v", err)
		}
	})
}

// TestKnownBrowserIsNoPass: its cookie is of one account and one password, and it has a
// limit of its own.
func TestKnownBrowserIsNoPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, signin.Config{})
		b := newBrowser(t, w)
		rec := httptest.NewRecorder()
		if err := w.service.LoginBrowser(rec, b.request(home), "bob", password, "203.0.113.9"); err != nil {
			t.Fatal(err)
		}
		b.take(rec)
		try := func(n int, name, secret string) (compared int) {
			for range n {
				err := w.service.LoginBrowser(httptest.NewRecorder(), b.request(home), name, secret, here)
				if !errors.Is(err, signin.ErrBusy) {
					compared++
				}
			}
			return compared
		}
		if got := try(20, "admin", "wrong"); got != 5 {
			t.Errorf("bob's browser tries %d passwords of admin, want 5", got)
		}
		if got := try(20, "bob", "wrong"); got != 10 {
			t.Errorf("bob's browser tries %d passwords of bob, want 10", got)
		}
		w.secret["accounts.bob.password"] = hash(t, "another")
		w.use()
		if got := try(20, "bob", "wrong"); got != 5 {
			t.Errorf("with the cookie of an old password %d are tried, want 5", got)
		}
	})
}

// TestConcurrentLogins: at most Hashes passwords are compared at a time, one address has
// a few attempts under way, and nothing breaks (CVE-2024-21661).
func TestConcurrentLogins(t *testing.T) {
	w := newWorld(t, signin.Config{Hashes: 2})
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			name, from := fmt.Sprint("name", i%7), fmt.Sprintf("10.0.%d.1", i%11)
			_, err := w.service.Login(t.Context(), name, "wrong", from)
			if !errors.Is(err, signin.ErrPassword) && !errors.Is(err, signin.ErrBusy) {
				t.Errorf("%s: %v", name, err)
			}
		})
		wg.Go(func() {
			if i%4 != 0 {
				return
			}
			session, err := w.service.Login(t.Context(), "bob", password, fmt.Sprintf("10.1.%d.1", i))
			if err != nil && !errors.Is(err, signin.ErrBusy) {
				t.Errorf("bob: %v", err)
			}
			id, err := w.service.Authenticate(bearer(session.Token))
			if err == nil {
				_ = w.service.Valid(t.Context(), id)
				err = w.service.Logout(t.Context(), id)
			}
			if err != nil && session.Token != "" {
				t.Errorf("bob's session: %v", err)
			}
		})
		wg.Go(w.use)
	}
	wg.Wait()
	if n := signin.Inside(w.service); n != 0 {
		t.Errorf("%d attempts are under way after all", n)
	}
}

// TestOneAddressTakesNotAllTurns: while it waits, others are let in.
func TestOneAddressTakesNotAllTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, signin.Config{Hashes: 1})
		release := signin.Occupy(w.service)
		var mu sync.Mutex
		outcome := map[string]int{}
		for i := range 40 {
			go func() {
				_, err := w.service.Login(t.Context(), fmt.Sprint("mallory", i), "wrong", here)
				mu.Lock()
				defer mu.Unlock()
				outcome[fmt.Sprint(errors.Is(err, signin.ErrBusy))]++
			}()
		}
		synctest.Wait()
		mu.Lock()
		waiting := 40 - outcome["true"]
		mu.Unlock()
		if waiting > 8 {
			t.Errorf("%d attempts of one address wait, want 8 at most", waiting)
		}
		done := make(chan error, 1)
		go func() {
			_, err := w.service.Login(t.Context(), "admin", password, "192.0.2.77")
			done <- err
		}()
		synctest.Wait()
		release()
		if err := <-done; err != nil {
			t.Errorf("somebody else: %v", err)
		}
		synctest.Wait()
	})
}

// TestTurnsEnd: who gets no turn is told, and it does not count as a failure.
func TestTurnsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, signin.Config{Hashes: 1})
		release := signin.Occupy(w.service)
		for range 20 {
			if _, err := w.service.Login(t.Context(), "admin", "wrong", here); !errors.Is(err, signin.ErrBusy) {
				t.Fatalf("all turns are taken: %v", err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := w.service.Login(ctx, "admin", "wrong", here); !errors.Is(err, context.Canceled) {
			t.Errorf("who has left: %v", err)
		}
		release()
		w.login("admin")
	})
}

// TestCookies says what they are like, and that they let in.
func TestCookies(t *testing.T) {
	for _, tt := range []struct {
		url, proto, session string
		secure              bool
	}{
		{"https://10.0.0.1/auth/login", "", "__Host-fixpoint", true},
		{"http://fixpoint.example.com/auth/login", "", "__Host-fixpoint", true}, // url says so
		{"http://10.0.0.1/auth/login", "https", "__Host-fixpoint", true},
		{"http://127.0.0.1:8080/auth/login", "", "fixpoint", false},
	} {
		w := newWorld(t, signin.Config{})
		b := newBrowser(t, w)
		login := b.request(tt.url)
		login.Header.Set("X-Forwarded-Proto", tt.proto)
		rec := httptest.NewRecorder()
		if err := w.service.LoginBrowser(rec, login, "alice", password, here); err != nil {
			t.Fatal(err)
		}
		cookies := b.take(rec)
		if b.cookies[tt.session] == "" {
			t.Errorf("%s: no cookie %s in %v", tt.url, tt.session, cookies)
		}
		for _, c := range cookies {
			if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Secure != tt.secure || c.Domain != "" ||
				strings.HasPrefix(c.Name, "__Host-") && c.Path != "/" {
				t.Errorf("%s: cookie %v", tt.url, c)
			}
		}
		next := b.request(tt.url)
		if id, err := w.service.Authenticate(next); err != nil || id.Subject != "alice" {
			t.Errorf("%s: the cookie lets in %+v, %v", tt.url, id, err)
		}
		rec = httptest.NewRecorder()
		w.service.ClearCookie(rec, next)
		b.take(rec)
		if b.cookies[tt.session] != "" || b.cookies["__Host-fixpoint-device"]+b.cookies["fixpoint-device"] == "" {
			t.Errorf("%s: after signing out the browser has %v", tt.url, b.cookies)
		}
	}
}

// TestForeignCookiesDontCount: over TLS another host of the domain can set no session.
func TestForeignCookiesDontCount(t *testing.T) {
	w := newWorld(t, signin.Config{})
	r := plain()
	r.AddCookie(&http.Cookie{Name: "fixpoint", Value: w.login("alice").Token})
	if id, err := w.service.Authenticate(r); err == nil {
		t.Errorf("a cookie that any host can set lets in %+v", id)
	}
	r.AddCookie(&http.Cookie{Name: "argocd.token", Value: w.login("bob").Token})
	if id, err := w.service.Authenticate(r); err == nil {
		t.Errorf("a page lets in whom any host of the domain can name: %+v", id)
	}
	r.URL.Path = "/api/v1/applications"
	if id, err := w.service.Authenticate(r); err != nil || id.Subject != "bob" {
		t.Errorf("Argo CD's cookie: %+v, %v", id, err)
	}
	r.Header.Set("Authorization", "Bearer "+w.login("admin").Token)
	if id, err := w.service.Authenticate(r); err != nil || id.Subject != "admin" {
		t.Errorf("the header goes first: %+v, %v", id, err)
	}
}
