// Who asks, in which language and what for: the fields above GraphiQL, kept until this browser tab is closed.

const form = document.getElementById("asks");
const { token, language, purpose } = form.elements;

const typed = () => token.value.trim().replace(/^Bearer\s+/i, "");

/** What is sent with a request beside what stands under Headers in its tab. */
export const asked = () => ({
  "Accept-Language": language.value,
  ...(typed() && { Authorization: `Bearer ${typed()}` }),
  ...(purpose.value && { Purpose: purpose.value }),
});

language.value = navigator.language.startsWith("ar") ? "ar" : "en";
for (const field of [token, language, purpose]) {
  const kept = sessionStorage.getItem(`sijil:${field.name}`);
  if (kept) field.value = kept;
  field.addEventListener("input", () => sessionStorage.setItem(`sijil:${field.name}`, field.value));
}
form.addEventListener("submit", (event) => event.preventDefault());
