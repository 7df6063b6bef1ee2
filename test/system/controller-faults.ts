/** Loaded before the command: lets the controller throw and reject when it is sent SIGUSR2. */

process.on('SIGUSR2', () => {
  void Promise.reject(new Error('a stray promise'));
  setTimeout(() => {
    throw new Error('a stray error');
  });
});
