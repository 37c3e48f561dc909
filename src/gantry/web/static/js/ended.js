// An answer that is the login page: the login has ended. The page says so, and leads back here.

export function ended(answer) {
  if (!answer?.redirected || new URL(answer.url).pathname !== "/login/") return false;
  const here = encodeURIComponent(location.pathname + location.search);
  location.assign(`/login/?next=${here}&ended=yes`);
  return true;
}
