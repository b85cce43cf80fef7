for (const slider of document.querySelectorAll("[data-slider]")) {
  const images = slider.querySelectorAll("img");
  const range = slider.querySelector("input");
  const output = slider.querySelector("output");
  const show = () => {
    images.forEach((image, number) => (image.hidden = number !== Number(range.value)));
    output.textContent = images[range.value].dataset.caption;
  };
  range.addEventListener("input", show);
  show(); // a browser that goes back to the page keeps the place of the slider
}
