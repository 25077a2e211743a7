package signin

// Decoy is what is compared for accounts that don't exist.
func Decoy(set *Settings) []byte { return set.decoy() }

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
