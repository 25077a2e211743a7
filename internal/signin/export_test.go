package signin

import (
	"net/http"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// RetryAfter is how long a provider that failed is not asked again, KeysAfter how long its
// keys are not.
const (
	RetryAfter = retryAfter
	KeysAfter  = keysAfter
)

// Decoy is what is compared for accounts that don't exist.
func Decoy(set *Settings) []byte { return decoy(set.cost()) }

// Compared has told what each comparison of a password costs.
func Compared(s *Service, tell func(cost int)) {
	s.hashes.same = func(hash, password []byte) error {
		if cost, err := bcrypt.Cost(hash); err == nil {
			tell(cost)
		}
		return bcrypt.CompareHashAndPassword(hash, password)
	}
}

// NoDowngrade says whether a redirect of the identity provider is followed.
func NoDowngrade(r *http.Request, via []*http.Request) error { return noDowngrade(r, via) }

// Inside is how many attempts to sign in are under way.
func Inside(s *Service) int {
	s.throttle.mu.Lock()
	defer s.throttle.mu.Unlock()
	return s.throttle.inside + len(s.throttle.byAddress)
}

// Occupy takes a turn of comparing passwords.
func Occupy(s *Service) (release func()) {
	s.hashes.turns <- struct{}{}
	return func() { <-s.hashes.turns }
}

// Elapse makes what is known of the identity provider older.
func Elapse(s *Service, by time.Duration) {
	p := s.provider.Load()
	p.mu.Lock()
	p.at = p.at.Add(-by)
	p.mu.Unlock()
	p.keys.mu.Lock()
	p.keys.asked = p.keys.asked.Add(-by)
	p.keys.mu.Unlock()
}

// Aged is the cookie of a way to the provider that began so much earlier.
func Aged(s *Service, cookie string, by time.Duration) (string, error) {
	set, f := s.settings.Load(), flow{}
	if err := set.open(flowSeal, cookie, &f); err != nil {
		return "", err
	}
	f.Until = f.Until.Add(-by)
	return set.seal(flowSeal, f)
}

// Lasting is how many are let in for longer than a request.
func Lasting(s *Service) int {
	s.lasting.mu.Lock()
	defer s.lasting.mu.Unlock()
	return len(s.lasting.open)
}
