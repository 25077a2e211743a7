package live

// scope is the store of its reflector: it implements cache.ReflectorStore.

// Add takes in an object that appeared.
func (s *scope) Add(obj any) error { return s.Update(obj) }

// Update takes in an object that changed, unless there are too many.
func (s *scope) Update(obj any) error {
	i := obj.(*arrival).item
	s.mu.Lock()
	_, known := s.items[i.place()]
	full := !known && len(s.items) >= maxItems
	if full {
		s.left = max(s.left, 1)
	} else {
		s.items[i.place()] = i
	}
	s.mu.Unlock()
	if !full {
		s.changed(i)
	}
	return nil
}

// Delete takes in that an object is gone.
func (s *scope) Delete(obj any) error {
	i := obj.(*arrival).item
	s.mu.Lock()
	delete(s.items, i.place())
	s.mu.Unlock()
	s.changed(i)
	return nil
}

// Replace takes in a whole list.
func (s *scope) Replace(objs []any, _ string) error {
	items := make(map[string]*item, len(objs))
	for _, o := range objs {
		i := o.(*arrival).item
		items[i.place()] = i
	}
	s.mu.Lock()
	s.items, s.synced, s.err = items, true, nil
	s.mu.Unlock()
	s.once.Do(func() { close(s.ready) })
	s.changed(nil)
	return nil
}

// Resync does nothing: there is no second copy to compare with.
func (s *scope) Resync() error { return nil }

// place is what a store files the item by.
func (i *item) place() string { return i.node.Ref.Namespace + "/" + i.node.Ref.Name }
