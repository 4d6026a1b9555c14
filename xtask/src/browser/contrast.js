// The texts whose colour is less than 4.5 times as bright as their ground, or the other way round,
// which is what WCAG 2 asks for (1.4.3).
(() => {
  const channels = (colour) => colour.match(/[\d.]+/g).map(Number);
  const brightness = (colour) => {
    const [red, green, blue] = channels(colour)
      .slice(0, 3)
      .map((it) => it / 255)
      .map((it) => (it <= 0.04045 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const ground = (element) => {
    for (let it = element; it; it = it.parentElement) {
      const colour = getComputedStyle(it).backgroundColor;
      if ((channels(colour)[3] ?? 1) > 0) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const texts = [...document.querySelectorAll("body *")].filter(
    (it) => it.checkVisibility() && [...it.childNodes].some((node) => node.nodeType === 3 && node.data.trim()),
  );
  if (texts.length < 50) return [`only ${texts.length} texts are there`];
  return texts
    .map((it) => {
      const pair = [brightness(getComputedStyle(it).color), brightness(ground(it))].sort((a, b) => b - a);
      return [it, (pair[0] + 0.05) / (pair[1] + 0.05)];
    })
    .filter(([, ratio]) => ratio < 4.5)
    .map(([it, ratio]) => `${ratio.toFixed(1)}: ${it.textContent.trim().slice(0, 40)}`);
})()
